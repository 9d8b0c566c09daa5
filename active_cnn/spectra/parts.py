"""What an unfinished ingest has done so far: small complete files that are joined in the end.

A part gets its name only when it is whole on the disk and is never written to again, so that an
interruption at any moment costs the part in the making and nothing else.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.batches import COLUMNS, DTYPE, REFUSAL, Outcome
from active_cnn.spectra.naming import Naming
from active_cnn.spectra.pool_file import (
    BRIDGED,
    NUMBERS,
    REFUSED,
    RESOLVING_POWER,
    TEXTS,
    new_hdf5,
    open_hdf5,
    read_texts,
    sync,
)
from active_cnn.spectra.resolving_power import (
    AS_IS,
    PoolResolution,
    read_resolution,
    write_resolution,
)
from active_cnn.spectra.sources import PARTIAL_SUFFIX

BY_NAME = Naming()
POOL = "pool"
SOURCE = "source"
TEXT = h5py.string_dtype()


class Parts:
    """The parts of one ingest, in a folder beside the pool to be.

    Parameters
    ----------
    out : Path
        The pool to be.
    grid : Grid
        The wavelengths of its spectra.
    naming : Naming
        How its identifiers are made.
    resolution : PoolResolution
        What its spectra are brought to.
    """

    def __init__(
        self,
        out: Path,
        grid: Grid,
        naming: Naming = BY_NAME,
        resolution: PoolResolution = AS_IS,
    ) -> None:
        self.out = out
        self.grid = grid
        self.naming = naming
        self.resolution = resolution
        self.folder = out.with_name(f"{out.name}{PARTIAL_SUFFIX}")
        self._n_written: int | None = None

    @property
    def files(self) -> list[Path]:
        """The parts in the order in which they were written."""
        return sorted(self.folder.glob("part-*.h5"))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and keep other processes from it; the lock dies with this process."""
        self.folder.mkdir(exist_ok=True)
        sync(self.folder.parent)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise SpectrumError(
                    f"Another process is writing {self.out} now. Wait until it has finished."
                ) from error
            yield

    def append(self, outcome: Outcome) -> None:
        """Write one more part; when this returns it is safe on the disk."""
        if self._n_written is None:
            files = self.files
            self._n_written = int(files[-1].stem.removeprefix("part-")) + 1 if files else 0
        with new_hdf5(self.folder / f"part-{self._n_written:06d}.h5") as part:
            part.attrs["grid"] = self.grid.numbers
            part.attrs["identifier"] = json.dumps(astuple(self.naming))
            pool = create_pool(part, len(outcome.rows), self.grid, self.resolution)
            refused = create_refused(part, len(outcome.refused))
            if outcome.rows:
                pool["spectra"][:] = outcome.spectra
            _fill(pool, COLUMNS, outcome.rows)
            _fill(refused, REFUSAL, outcome.refused)
        self._n_written += 1

    def go_on(self) -> None:
        """Go on as it was begun: where identifiers are paths, from the same folder.

        Raises
        ------
        SpectrumError
            If the parts were made with another resolving power or with other identifiers, or
            sources lie outside that folder.
        """
        for path in self.files[:1]:
            with open_hdf5(path) as part:
                begun = Naming(*json.loads(part.attrs.get("identifier", "[]")))
                self._refuse_other_resolution(read_resolution(part[POOL]))
            if str(begun) != str(self.naming):
                raise SpectrumError(
                    f"{self.out} was begun with --identifier {begun}, not {self.naming}. "
                    f"Resume with that one, or remove {self.folder} to begin anew."
                )
            if not Path(self.naming.folder).is_relative_to(begun.folder):
                raise SpectrumError(
                    f"{self.out} was begun with identifiers that are paths below {begun.folder}, "
                    f"and some sources lie outside, below {self.naming.folder}. Resume with "
                    f"sources in there, or remove {self.folder} to begin anew with all."
                )
            self.naming = begun

    def _refuse_other_resolution(self, begun: PoolResolution) -> None:
        options = [("--pool-resolving-power", begun.text, self.resolution.text)]
        # An earlier version did not ask.
        if begun.is_stated and begun.power is not None:
            options.append(("--blurrier", begun.blurrier.value, self.resolution.blurrier.value))
        options += [
            (
                f"--{name.replace('_', '-')}",
                f"{one:g}",
                f"{getattr(self.resolution.limits, name):g}",
            )
            for name, one in asdict(begun.limits).items()
        ]
        for option, one, other in options:
            if one != other:
                raise SpectrumError(
                    f"{self.out} was begun with {option} {one}, not {other}. "
                    f"Resume with that one, or remove {self.folder} to begin anew."
                )

    def done(self) -> NDArray[np.bytes_]:
        """Digests of the sources in the parts, sorted.

        Raises
        ------
        SpectrumError
            If the parts were made for another grid.
        """
        digests = [digest([])]
        for path in self.files:
            with open_hdf5(path) as part:
                begun = Grid.from_numbers(part.attrs["grid"])
                if begun != self.grid:
                    raise SpectrumError(
                        f"{self.out} was begun with the grid {begun}, not {self.grid}. "
                        f"Resume with that one, or remove {self.folder} to begin anew."
                    )
                digests += [digest(all_texts(part[name][SOURCE])) for name in (POOL, REFUSED)]
        return np.sort(np.concatenate(digests))

    def remove(self) -> None:
        """Remove the parts."""
        shutil.rmtree(self.folder)


def create_pool(file: h5py.File, n: int, grid: Grid, resolution: PoolResolution) -> h5py.Group:
    """Make the columns of a pool with room for n rows, and say what its resolving power is."""
    group = file.create_group(POOL)
    write_resolution(group, resolution)
    group.create_dataset("spectra", (n, grid.n), DTYPE)
    for name in NUMBERS:
        group.create_dataset(name, (n,), np.float64)
    group.create_dataset(BRIDGED, (n,), np.int32)
    # Not known of what an earlier version left in the parts of an ingest.
    group.create_dataset(RESOLVING_POWER, (n,), np.float32, fillvalue=np.nan)
    for name in ("filenames", *TEXTS):
        group.create_dataset(name, (n,), TEXT)
    return group


def create_refused(file: h5py.File, n: int) -> h5py.Group:
    """Make the columns of the list of what was refused, with room for n."""
    group = file.create_group(REFUSED)
    for name in ("path", "reason"):
        group.create_dataset(name, (n,), TEXT)
    return group


def all_texts(dataset: h5py.Dataset) -> NDArray[np.object_]:
    """Read all strings of a part's column."""
    return read_texts(dataset, slice(0, len(dataset)))


def digest(texts: Iterable[str]) -> NDArray[np.bytes_]:
    """Hash strings to 128 bits, enough that no two of a survey will ever share one."""
    # A name that is no valid text is the printable one that is stored of it.
    encoded = (text.encode("utf-8", "backslashreplace") for text in texts)
    digests = (hashlib.blake2b(text, digest_size=16).digest() for text in encoded)
    return np.frombuffer(b"".join(digests), dtype="S16")


def _fill(group: h5py.Group, names: Sequence[str], entries: Sequence[tuple[Any, ...]]) -> None:
    group.create_dataset(SOURCE, (len(entries),), TEXT)
    for name, values in zip(names, zip(*entries, strict=True), strict=False):
        group[name][:] = values
