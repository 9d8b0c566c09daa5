"""What one pass over a pool can tell, kept in a file beside the campaign.

It holds why rows cannot be used, where an identifier is, which rows lie at a place on the sky, and
the fingerprint of the contents. Memory does not grow with the pool but for a byte a row.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.records import Grid
from active_cnn.spectra.external_sort import KEY, ExternalSort
from active_cnn.spectra.index_file import (
    FENCE,
    IndexedShard,
    PoolIndex,
    new_index,
    read_shards,
)
from active_cnn.spectra.pool_file import (
    find_unusable,
    hash_texts,
    open_hdf5,
    open_pool,
    pick_texts,
    read_column,
    read_texts,
    widen,
)
from active_cnn.spectra.shards import Shard, shards_of, stamp_of
from active_cnn.spectra.sky import is_place

__all__ = ["PoolIndex", "index_pool", "is_indexed"]

BLOCK = 8192  # rows: some 9 MB of flux

HASHED = [(KEY, "<u8"), ("row", "<i8")]
PLACED = [(KEY, "<f8"), ("ra", "<f8"), ("row", "<i8")]


def index_pool(
    path: Path,
    index_path: Path,
    grid: Grid,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Check a pool in one pass and write down what later reading needs.

    Parameters
    ----------
    path : Path
        The pool, an HDF5 file or a manifest of several, which is only read.
    index_path : Path
        Where the index goes; it appears whole or not at all.
    grid : Grid
        The wavelengths that the campaign wants.
    progress : callable, optional
        Called with the rows done and the rows in all.

    Raises
    ------
    SpectrumError
        If the layout is not that of a pool on this grid, or an identifier is empty or comes twice.
    """
    path, index_path = Path(path), Path(index_path)
    shards = shards_of(path)
    # All are looked at before the long reading begins.
    indexed = [_survey(shard, grid) for shard in shards]
    total = sum(one.n for one in indexed)
    try:
        with (
            ExternalSort(index_path.parent, HASHED) as hashed,
            ExternalSort(index_path.parent, PLACED) as placed,
        ):
            defects, fingerprint = _read_through(
                shards, grid, hashed, placed, lambda done: progress and progress(done, total)
            )
            for shard, one in zip(shards, indexed, strict=True):
                _refuse_changing(shard, one)
            columns = {
                "defects": ("u1", len(defects)),
                "hash": ("<u8", hashed.n),
                "hash_fences": ("<u8", _n_fences(hashed.n)),
                "row": ("<i8", hashed.n),
                "dec": ("<f8", placed.n),
                "dec_fences": ("<f8", _n_fences(placed.n)),
                "ra": ("<f8", placed.n),
                "place_row": ("<i8", placed.n),
            }
            with new_index(index_path, fingerprint, grid, indexed, columns) as index:
                index.append(defects=defects)
                for first, piece in _numbered(hashed.pieces()):
                    _refuse_duplicates(piece, shards, indexed)
                    fences = _fences(piece, first)
                    index.append(hash=piece[KEY], hash_fences=fences, row=piece["row"])
                for first, piece in _numbered(placed.pieces()):
                    fences = _fences(piece, first)
                    index.append(dec=piece[KEY], dec_fences=fences)
                    index.append(ra=piece["ra"], place_row=piece["row"])
    except OSError as error:
        raise SpectrumError(
            f"The index {index_path} cannot be written: {' '.join(str(error).split())}. "
            "Check that its folder exists, is writable and has room."
        ) from error


def is_indexed(path: Path, index_path: Path) -> bool:
    """Tell whether the index can be read and was made of the pool's files as they are now.

    Raises
    ------
    SpectrumError
        If the pool cannot be read.
    """
    shards = shards_of(Path(path))
    stamps = [stamp_of(shard) for shard in shards]
    indexed = read_shards(Path(index_path))
    return (
        indexed is not None
        and [one.stamp for one in indexed] == stamps
        and all(one.is_of(shard) for one, shard in zip(indexed, shards, strict=True))
    )


def _survey(shard: Shard, grid: Grid) -> IndexedShard:
    stamp = stamp_of(shard)
    with open_pool(shard.path, grid) as group:
        n = len(group["spectra"])
        if shard.n not in (None, n):
            raise SpectrumError(
                f"The {shard} has {n} rows, its manifest says {shard.n}. "
                "Wait until it is complete, or mend the manifest."
            )
        return IndexedShard(shard.name, n, group.name, stamp)


@dataclass(frozen=True, eq=False)
class _Block:
    names: NDArray[np.object_]
    flux: NDArray[np.floating]  # as it is stored
    defects: NDArray[np.uint8]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]


def _blocks(shards: Iterable[Shard], grid: Grid) -> Iterator[_Block]:
    for shard in shards:
        with open_pool(shard.path, grid) as group:
            n = len(group["spectra"])
            for start in range(0, n, BLOCK):
                rows = slice(start, min(start + BLOCK, n))
                names = read_texts(group["filenames"], rows)
                _refuse_empty(names, start, shard.path)
                flux = group["spectra"][rows]
                defects = find_unusable(group, rows, flux)
                ra, dec = (read_column(name, group, rows) for name in ("ra", "dec"))
                yield _Block(names, flux, defects, ra, dec)


def _read_through(
    shards: tuple[Shard, ...],
    grid: Grid,
    hashed: ExternalSort,
    placed: ExternalSort,
    progress: Callable[[int], None],
) -> tuple[NDArray[np.uint8], str]:
    names_digest, flux_digest = hashlib.sha256(), hashlib.sha256()
    defects = bytearray()
    for block in _blocks(shards, grid):
        rows = np.arange(len(defects), len(defects) + len(block.names))
        defects += block.defects.tobytes()
        names_digest.update("".join(f"{len(name)}:{name}" for name in block.names).encode())
        flux_digest.update(widen(block.flux).astype("<f8", copy=False).data)
        hashed.add(**{KEY: hash_texts(block.names)}, row=rows)
        of_use = (block.defects == 0) & is_place(block.ra, block.dec)
        placed.add(**{KEY: block.dec[of_use]}, ra=block.ra[of_use], row=rows[of_use])
        progress(len(defects))
    fingerprint = hashlib.sha256(names_digest.digest() + flux_digest.digest()).hexdigest()
    return np.frombuffer(defects, dtype=np.uint8), fingerprint


def _refuse_changing(shard: Shard, indexed: IndexedShard) -> None:
    if stamp_of(shard) != indexed.stamp:
        raise SpectrumError(
            f"The {shard} changed while it was being indexed. "
            "Wait until it is complete, then try again."
        )


def _refuse_empty(names: Iterable[str], start: int, path: Path) -> None:
    empty = [row for row, name in enumerate(names, start) if not name]
    if empty:
        raise SpectrumError(
            f"{path}: the spectrum in row {empty[0]} (counted from 0) has no identifier. "
            "Give every row a unique one in 'filenames'."
        )


def _refuse_duplicates(
    hashed: NDArray[Any], shards: tuple[Shard, ...], indexed: list[IndexedShard]
) -> None:
    again = hashed[KEY][1:] == hashed[KEY][:-1]
    suspects = hashed["row"][np.append(again, False) | np.append(False, again)]
    starts = list(accumulate((one.n for one in indexed), initial=0))
    first: dict[str, int] = {}
    for row in suspects.tolist():
        number = bisect_right(starts, row) - 1
        with open_hdf5(shards[number].path) as file:
            names = file[indexed[number].group]["filenames"]
            name = pick_texts(names, np.array([row - starts[number]]))[0]
        other = first.setdefault(name, row)
        if other != row:
            one = bisect_right(starts, other) - 1
            where = (
                f"in the rows {other - starts[one]} and {row - starts[one]}"
                if one == number
                else f"in row {other - starts[one]} and in row {row - starts[number]} of "
                f"{shards[number].path}"
            )
            raise SpectrumError(
                f"{shards[one].path}: the identifier '{name}' comes twice, {where} "
                "(counted from 0). Give every row a unique one in 'filenames'."
            )


def _numbered(pieces: Iterator[NDArray[Any]]) -> Iterator[tuple[int, NDArray[Any]]]:
    first = 0
    for piece in pieces:
        yield first, piece
        first += len(piece)


def _fences(piece: NDArray[Any], first: int) -> NDArray[Any]:
    return piece[KEY][-first % FENCE :: FENCE]


def _n_fences(n: int) -> int:
    return -(-n // FENCE)
