"""A pool whose parts are not what they should be is read, or refused in one line."""

from __future__ import annotations

import subprocess
import sys
import warnings

import h5py
import numpy as np
import pytest

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.ingest import ingest
from active_cnn.spectra.pool import Pool, index_pool

GRID = Grid.of(n=36)
N = 6
COLUMNS = {
    "filenames": np.array([f"star-{row}" for row in range(N)], "S8"),
    "spectra": np.random.default_rng(1).normal(100, 5, (N, GRID.n)).astype("f4"),
    "wavelengths": GRID.wavelength,
    "ra": np.arange(N) * 1.0,
    "dec": np.arange(N) * 1.0,
    "corrupted": np.zeros(N, bool),
    "designation": np.full(N, b"x"),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pool.h5"


def write(path, change):
    """Write a sound pool with one part changed: a value, a link, or what a function makes of it."""
    with h5py.File(path, "w") as file:
        group = file.create_group("pool")
        for name, value in (COLUMNS | change).items():
            if callable(value):
                value(group, name)
            else:
                group[name] = value


def read_all(path, tmp_path):
    """Do with a pool what commands and pages do."""
    index_pool(path, tmp_path / "index.h5", GRID)
    pool = Pool(path, tmp_path / "index.h5")
    usable = np.flatnonzero(pool.usable)
    pool.windows(usable)
    pool.flux(np.arange(pool.n))
    pool.column("ra")
    pool.metadata(np.arange(pool.n))
    pool.refused_files(10)
    pool.visits(pool.identifiers(usable)[:2])
    return pool


def a_group(group, name):
    group.create_group(name)


def a_type(group, name):
    group[name] = np.dtype("f4")


def of(dtype, name_shape=None):
    def make(group, name):
        shape = name_shape or (GRID.n,) if name == "wavelengths" else (N,)
        group.create_dataset(name, shape, dtype=dtype)

    return make


NOWHERE, CIRCLE = h5py.SoftLink("/nowhere"), h5py.SoftLink("/pool/circle")
ODD = {
    "group": a_group,
    "type": a_type,
    "dangling": NOWHERE,
    "circle": lambda group, name: group.__setitem__(name, h5py.SoftLink(f"/pool/{name}")),
    "lists": of(h5py.vlen_dtype("f4")),
    "references": of(h5py.ref_dtype),
    "records": of([("a", "f4"), ("b", "S3")]),
    "arrays": of(np.dtype(("f4", (3,)))),
    "opaque": of("V5"),
    "times": of(h5py.opaque_dtype("M8[s]")),
}


@pytest.mark.parametrize("name", list(COLUMNS))
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_what_is_no_column_is_refused_by_its_name(path, tmp_path, name, odd):
    write(path, {name: odd})
    with pytest.raises(SpectrumError) as caught:
        read_all(path, tmp_path)
    said = str(caught.value)
    assert "\n" not in said
    assert f"'{name}'" in said or "damaged: Special link" in said
    with pytest.raises(SpectrumError):
        ingest([path], tmp_path / "out.h5", grid=GRID)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.full(GRID.n, b"x"), "'wavelengths' is of type .S1. Write it as numbers"),
        (GRID.wavelength + 0j, "'wavelengths' is of type complex128. Write it as numbers"),
        (np.ones(GRID.n, bool), "'wavelengths' is of type bool"),
        (np.ones((GRID.n, 1)), "'wavelengths' has the shape .36, 1."),
        (5.0, "'wavelengths' has the shape"),
        (np.full(GRID.n, np.inf), "wavelength 0 is inf Å"),
        (np.full(GRID.n, 2**63 - 1), "wavelength 0 is 9223372036854775808"),
        (h5py.Empty("f8"), "'wavelengths' has the shape None"),
    ],
)
def test_wavelengths_of_another_type_are_refused(path, tmp_path, value, said):
    write(path, {"wavelengths": value})
    with pytest.raises(SpectrumError, match=said):
        read_all(path, tmp_path)


@pytest.mark.parametrize("dtype", ["f2", "i4", "u8", "f8", ">f4"])
def test_wavelengths_and_places_are_read_from_every_number_type(tmp_path, path, dtype):
    # Whole numbers, so that each type holds them.
    grid = Grid.of(1000.0, 1035.0, 36)
    ra = np.arange(1, N + 1)  # RA 0, Dec 0 would be no place
    write(path, {"wavelengths": grid.wavelength.astype(dtype), "ra": ra.astype(dtype)})
    index_pool(path, tmp_path / "index.h5", grid)
    assert Pool(path, tmp_path / "index.h5").column("ra").tolist() == ra.tolist()


def test_links_within_the_file_are_followed(path, tmp_path):
    def linked(group, name):
        group.file[f"refused/{name}"] = COLUMNS[name]
        group[name] = h5py.SoftLink(f"/refused/{name}")

    write(path, dict.fromkeys(COLUMNS, linked))
    assert read_all(path, tmp_path).usable.all()


def test_names_that_are_no_text_do_not_stop_the_reader(path, tmp_path):
    write(path, {})
    with h5py.File(path, "r+") as file:
        file.id.links.move(b"pool", file.id, b"\xff\xfe")
    with pytest.raises(SpectrumError, match="a pool has one group") as caught:
        read_all(path, tmp_path)
    assert "\n" not in str(caught.value)


def test_a_group_that_holds_itself_is_gone_through_once(path, tmp_path):
    write(path, {"up": lambda group, name: group.__setitem__(name, group)})
    assert read_all(path, tmp_path).usable.all()


@pytest.mark.parametrize(
    "listed",
    [
        lambda file: file.__setitem__("refused", np.arange(3)),
        lambda file: file.create_group("refused"),
        lambda file: file.__setitem__("refused", NOWHERE),
        lambda file: file.__setitem__("refused/path", np.arange(3)),
        lambda file: (
            file.__setitem__("refused/path", np.arange(3)),
            file.__setitem__("refused/reason", np.arange(2)),
        ),
    ],
)
def test_what_is_no_list_of_refused_files_is_none(path, tmp_path, listed):
    write(path, {})
    with h5py.File(path, "r+") as file:
        listed(file)
    assert len(read_all(path, tmp_path).refused()) == 0


SIGNALLING = np.array([0x7FA00000], "u4").view("f4")[0]


@pytest.mark.parametrize(
    "change",
    [
        {"spectra": np.full((N, GRID.n), SIGNALLING, "f4")},
        {"spectra": np.tile([1e308, -1e308], (N, GRID.n // 2))},
        {"spectra": np.tile(np.array([3.4e38, -3.4e38], "f4"), (N, GRID.n // 2))},
        {"spectra": np.tile([5e-324, 1e-323], (N, GRID.n // 2))},
        {"spectra": np.tile([np.inf, -np.inf], (N, GRID.n // 2))},
        {"ra": np.full(N, 1e308), "dec": np.full(N, -1e308)},
        {"ra": np.full(N, np.inf), "dec": np.full(N, np.nan)},
        {"ra": np.full(N, np.longdouble("1e4000"))},
        {"corrupted": np.full(N, np.nan)},
        {"corrupted": np.full(N, SIGNALLING, "f4"), "ra": np.full(N, SIGNALLING, "f4")},
    ],
)
def test_numbers_beyond_reason_cause_no_warning(path, tmp_path, change):
    one_sound = {name: np.array(value) for name, value in change.items()}
    if "spectra" in one_sound:
        one_sound["spectra"][0] = COLUMNS["spectra"][0]
    write(path, one_sound)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pool = read_all(path, tmp_path)
        if pool.usable.any():
            ingest([path], tmp_path / "out.h5", grid=GRID)


FUZZ = """
import random, sys, warnings
from pathlib import Path
from active_cnn.errors import ActiveCnnError
from tests.unit.test_damaged_pools import read_all
warnings.simplefilter("error")
folder = Path(sys.argv[1])
sound, damaged, said = (folder / "pool.h5").read_bytes(), folder / "damaged.h5", []
rng = random.Random(20)
for _ in range(int(sys.argv[2])):
    content = bytearray(sound)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at = rng.randrange(len(content))
        content[at] = rng.choice([0, 255, content[at] ^ (1 << rng.randrange(8))])
    if rng.random() < 0.1:
        del content[rng.randrange(len(content)) :]
    damaged.write_bytes(content)
    try:
        read_all(damaged, folder)
    except ActiveCnnError as error:
        said.append(str(error))
assert not [text for text in said if "\\n" in text]
print(len(said))
"""


@pytest.mark.parametrize("stored", [-5, 1e30, -np.inf, np.nan, 2**63 - 1])
def test_absurd_numbers_of_bridged_pixels_stop_nothing(path, tmp_path, stored):
    write(path, {"bridged": np.full(N, stored)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = ingest([path], tmp_path / "new.h5", grid=GRID)
    assert report.accepted == N
    assert 0 <= report.most_bridged <= GRID.n


def test_damage_anywhere_is_read_or_refused(path, tmp_path):
    write(path, {"path": np.array([f"a/{row}" for row in range(N)], h5py.string_dtype())})
    # In a process of its own: HDF5 is a library of another language, which could end it.
    ended = subprocess.run(
        [sys.executable, "-c", FUZZ, tmp_path, "60"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ended.stderr == ""
    assert 10 < int(ended.stdout) < 60
