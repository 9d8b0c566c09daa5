"""A file that hangs, eats memory or kills costs itself alone."""

import os
import signal
import subprocess
import sys
import threading

import h5py
import numpy as np
import pytest
from astropy.io import fits

from active_cnn.errors import EngineError, SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra import batches
from active_cnn.spectra import confined as module
from active_cnn.spectra.confined import Confinement
from active_cnn.spectra.ingest import ingest
from tests import engine_tasks as tasks
from tests import reading_tasks
from tests.lamost_files import write_spectrum

GRID = Grid.of(n=40)
SECONDS = 1.0  # of computing

FAULTS = {
    "RecursionError": "cannot be read: RecursionError: maximum recursion depth exceeded",
    "FloatingPointError": "cannot be read: FloatingPointError: overflow",
    "RuntimeWarning": "cannot be read: RuntimeWarning: invalid value",
    "AssertionError": "cannot be read: AssertionError",
    "UnicodeDecodeError": "cannot be read: UnicodeDecodeError: 'utf-8' codec",
    "UnreadableNameError": "cannot be read: UnreadableNameError: oneline and another",
    "MemoryError": f"needs too much memory to be read: more than {module.MEMORY} MB",
    "ended": "ended the process that read it: status 3",
    "killed": "ended the process that read it: SIGKILL",
    "cut": "ended the process that read it: status 4",
    "hangs": "takes too long to read: more than 1 s of computing",
    "unpicklable": "cannot be read: ",
}
if sys.platform != "linux":  # elsewhere memory has no limit
    del FAULTS["MemoryError"]


@pytest.fixture(scope="module")
def confinement():
    confinement = Confinement()
    yield confinement
    confinement.close()


def test_calls_are_done_by_one_other_process(confinement):
    first, again = (confinement.call(SECONDS, tasks.process_of, i) for i in range(2))
    assert first == again != os.getpid()
    assert confinement.call(SECONDS, tasks.double, 21) == 42


def test_a_process_that_was_ended_between_two_calls_is_replaced(confinement):
    first = confinement.call(SECONDS, tasks.process_of, 0)
    os.kill(first, signal.SIGKILL)
    assert confinement.call(SECONDS, tasks.process_of, 0) != first


def test_refusals_of_the_function_are_passed_on_as_they_are(confinement):
    with pytest.raises(SpectrumError, match="^spectrum 2 is refused$"):
        confinement.call(SECONDS, tasks.refuse, 2)


def test_relative_paths_mean_the_folder_of_the_one_who_asks(confinement, tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert confinement.call(SECONDS, os.getcwd) == str(tmp_path / name)


def test_several_threads_may_ask(confinement):
    answers = []
    threads = [
        threading.Thread(
            target=lambda n: answers.append((n, confinement.call(SECONDS, tasks.double, n))),
            args=(n,),
        )
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [(n, 2 * n) for n in range(8)]


@pytest.mark.parametrize(("fault", "reason"), FAULTS.items(), ids=FAULTS)
def test_whatever_happens_is_a_refusal_with_its_reason(fault, reason, confinement):
    with pytest.raises(SpectrumError) as caught:
        confinement.call(SECONDS, reading_tasks.read_badly, f"{fault}.fits", GRID)
    assert str(caught.value).startswith(reason)
    assert str(caught.value).isprintable()
    assert confinement.call(SECONDS, tasks.double, 4) == 8


def test_a_process_that_cannot_be_started_is_no_fault_of_a_file(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(EngineError, match="cannot be started: .*No such file"):
        Confinement().call(SECONDS, tasks.double, 1)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_ingest_finishes_whatever_single_files_do(processes, tmp_path, monkeypatch):
    if processes == 1:  # what is changed here is not changed in others
        monkeypatch.setattr(batches, "read_window", reading_tasks.read_badly)
        monkeypatch.setattr(batches, "SECONDS", SECONDS)
        for name in FAULTS.keys() - {"ended", "killed"}:
            (tmp_path / f"{name}.fits").write_bytes(b"")
    write_spectrum(tmp_path / "good.fits")
    write_spectrum(tmp_path / "in air.fits", VACUUM=False)  # which the general way reads
    (tmp_path / "odd.fits").write_bytes(b"SIMPLE  = \xff\x00" * 999)
    report = ingest([tmp_path], tmp_path / "pool.h5", grid=GRID, processes=processes)
    with h5py.File(tmp_path / "pool.h5") as file:
        reasons = dict(
            zip(*(file["refused"][k].asstr()[:] for k in ("path", "reason")), strict=True)
        )
    assert report.accepted == 2
    assert reasons.pop("odd.fits").startswith("is a damaged FITS file: HDU 0")
    for file, reason in reasons.items():
        assert reason.startswith(FAULTS[file.removesuffix(".fits")])
    assert len(reasons) == (len(FAULTS) - 2 if processes == 1 else 0)


def test_a_pool_with_odd_texts_is_ingested_again(tmp_path):
    names = [b"good", b"a\0b", b"c\xff", b""]
    with h5py.File(tmp_path / "in.h5", "w") as file:
        group = file.create_group("pool")
        group["filenames"] = np.array(names, "S5")
        group["spectra"] = np.random.default_rng(1).normal(9, 1, (4, GRID.n))
        group["designation"] = np.array([b"S\0\x1b\xff1"] * 4, "S9")
        group["path"] = np.array([b"x\0y.fits"] * 4, "S9")
    report = ingest([tmp_path / "in.h5"], tmp_path / "out.h5", grid=GRID)
    assert (report.accepted, report.refused) == (1, 3)
    assert report.reasons == {"has an identifier that is no plain text": 2, "has no identifier": 1}
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["pool/designation"].asstr()[:].tolist() == ["S�1"]
        assert file["pool/path"].asstr()[:].tolist() == ["xy.fits"]


def test_names_that_are_no_text_are_passed_when_an_ingest_is_resumed(tmp_path, monkeypatch):
    folder = tmp_path / "in"
    write_spectrum(folder / "good.fits")
    (folder / os.fsdecode(b"bad\xff\n.fits")).write_bytes(b"")

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("active_cnn.spectra.ingest.join_parts", interrupt)
        with pytest.raises(KeyboardInterrupt):
            ingest([folder], tmp_path / "pool.h5", grid=GRID)
    told = []
    report = ingest([folder], tmp_path / "pool.h5", grid=GRID, resume=True, progress=told.append)
    assert (report.accepted, report.refused, told[-1].resumed) == (1, 1, 2)


def test_an_ingest_says_nothing_but_its_result_whatever_numbers_the_files_hold(tmp_path):
    odd = {"nan": np.nan, "inf": np.inf, "huge": 3e38, "tiny": 1e-45}
    for name, value in odd.items():
        path = write_spectrum(tmp_path / "in" / f"{name}.fits")
        with fits.open(path, mode="update") as hdus:
            hdus[0].data[0, ::2] = value
            hdus[0].data[0, 1::2] = -value
            hdus[0].data[1] = 0
    flux = np.tile([1.7e308, -1.7e308], 1000)
    fits.writeto(tmp_path / "in" / "z.fits", flux, fits.Header({"CRVAL1": 6000.0, "CDELT1": 0.5}))
    write_spectrum(tmp_path / "in" / os.fsdecode(b"\xff\x1b[2J.fits"))
    out = tmp_path / os.fsdecode(b"\xe9.h5")
    command = [sys.executable, "-W", "always", "-m", "active_cnn", "ingest", tmp_path / "in"]
    done = subprocess.run(
        [*command, "--out", out, "--processes", "1"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "\\udce9.h5; " in done.stdout
