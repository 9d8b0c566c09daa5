"""What one pass over a pool can tell, kept in a file beside the campaign.

It holds why rows cannot be used, where an identifier is, which rows lie at a place on the sky, and
the fingerprint of the contents. Memory does not grow with the pool but for a byte a row.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.names import trim
from active_cnn.spectra.external_sort import KEY, ExternalSort
from active_cnn.spectra.index_file import (
    FENCE,
    IndexedShard,
    PoolIndex,
    new_index,
    read_shards,
)
from active_cnn.spectra.place_doubts import PlaceDoubts, count_unknown, find_shared
from active_cnn.spectra.pool_file import (
    find_unusable,
    hash_texts,
    open_hdf5,
    open_pool,
    pick_column,
    pick_texts,
    read_column,
    read_texts,
    trim_all,
    widen,
)
from active_cnn.spectra.resolving_power import PoolResolution, agree, read_resolution
from active_cnn.spectra.shards import Shard, shards_of, stamp_of
from active_cnn.spectra.sky import is_place

__all__ = ["PoolIndex", "index_pool", "is_indexed"]

# Gives texts of one file's rows with increasing numbers.
Pick = Callable[[h5py.Group, NDArray[np.int64]], NDArray[np.object_]]

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
        If the layout is not that of a pool on this grid, an identifier is empty or comes twice, or
        the files are of different resolving powers.
    """
    path, index_path = Path(path), Path(index_path)
    shards = shards_of(path)
    # All are looked at before the long reading begins.
    indexed = [_survey(shard, grid) for shard in shards]
    find_resolution(path, grid)
    total = sum(one.n for one in indexed)
    try:
        with (
            ExternalSort(index_path.parent, HASHED) as hashed,
            ExternalSort(index_path.parent, PLACED) as placed,
        ):
            defects, fingerprint, unknown = _read_through(
                shards, grid, hashed, placed, lambda done: progress and progress(done, total)
            )
            doubts = _find_doubts(placed, unknown, shards, indexed)
            for shard, one in zip(shards, indexed, strict=True):
                _refuse_changing(shard, one)
            n_placed = int((defects == 0).sum()) - sum(doubts.unknown.values())
            columns = {
                "defects": ("u1", len(defects)),
                "hash": ("<u8", hashed.n),
                "hash_fences": ("<u8", _n_fences(hashed.n)),
                "row": ("<i8", hashed.n),
                "dec": ("<f8", n_placed),
                "dec_fences": ("<f8", _n_fences(n_placed)),
                "ra": ("<f8", n_placed),
                "place_row": ("<i8", n_placed),
            }
            with new_index(index_path, fingerprint, grid, indexed, doubts, columns) as index:
                index.append(defects=defects)
                for first, piece in _numbered(hashed.pieces()):
                    _refuse_duplicates(piece, shards, indexed)
                    fences = _fences(piece, first)
                    index.append(hash=piece[KEY], hash_fences=fences, row=piece["row"])
                for first, piece in _numbered(_known(placed.pieces(), doubts)):
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


def find_resolution(path: Path, grid: Grid) -> PoolResolution:
    """Tell what resolving power the spectra of a pool were brought to; needs no index.

    Raises
    ------
    SpectrumError
        If a file cannot be read or is no pool on this grid, or the files differ in it.
    """

    def each() -> Iterator[tuple[Path, PoolResolution]]:
        for shard in shards_of(Path(path)):
            with open_pool(shard.path, grid) as group:
                yield shard.path, read_resolution(group)

    return agree(each())


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
    written: NDArray[np.object_]  # the identifiers as they stand in the file
    names: NDArray[np.object_]  # trimmed
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
                written = read_texts(group["filenames"], rows)
                names = trim_all(written)
                _refuse_empty(names, start, shard.path)
                flux = group["spectra"][rows]
                defects = find_unusable(group, rows, flux, grid)
                ra, dec = (read_column(name, group, rows) for name in ("ra", "dec"))
                yield _Block(written, names, flux, defects, ra, dec)


def _read_through(
    shards: tuple[Shard, ...],
    grid: Grid,
    hashed: ExternalSort,
    placed: ExternalSort,
    progress: Callable[[int], None],
) -> tuple[NDArray[np.uint8], str, Counter[str]]:
    unknown: Counter[str] = Counter()
    names_digest, flux_digest = hashlib.sha256(), hashlib.sha256()
    defects = bytearray()
    for block in _blocks(shards, grid):
        rows = np.arange(len(defects), len(defects) + len(block.names))
        defects += block.defects.tobytes()
        # As they are written: by these a pool has been known since before names were trimmed.
        names_digest.update("".join(f"{len(name)}:{name}" for name in block.written).encode())
        flux_digest.update(widen(block.flux).astype("<f8", copy=False).data)
        hashed.add(**{KEY: hash_texts(block.names)}, row=rows)
        is_usable = block.defects == 0
        unknown += count_unknown(block.ra[is_usable], block.dec[is_usable])
        of_use = is_usable & is_place(block.ra, block.dec)
        placed.add(**{KEY: block.dec[of_use]}, ra=block.ra[of_use], row=rows[of_use])
        progress(len(defects))
    fingerprint = hashlib.sha256(names_digest.digest() + flux_digest.digest()).hexdigest()
    return np.frombuffer(defects, dtype=np.uint8), fingerprint, unknown


def _find_doubts(
    placed: ExternalSort,
    unknown: Counter[str],
    shards: tuple[Shard, ...],
    indexed: list[IndexedShard],
) -> PlaceDoubts:
    def designations(rows: NDArray[np.int64]) -> NDArray[np.object_]:
        return _take(
            shards, indexed, rows, lambda group, here: pick_column("designation", group, here)
        )

    places = ((piece["ra"], piece[KEY], piece["row"]) for piece in placed.pieces())
    shared, counts = find_shared(places, placed.n, designations)
    return PlaceDoubts(shared, dict((unknown + counts).most_common()))


def _known(pieces: Iterator[NDArray[Any]], doubts: PlaceDoubts) -> Iterator[NDArray[Any]]:
    return (piece[np.isfinite(doubts.known(piece["ra"], piece[KEY])[0])] for piece in pieces)


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
    if not len(suspects):
        return
    written = _take(
        shards, indexed, suspects, lambda group, here: pick_texts(group["filenames"], here)
    )
    first: dict[str, tuple[int, str]] = {}
    for row, text in zip(suspects.tolist(), written, strict=True):
        other, earlier = first.setdefault(trim(text), (row, text))
        if other != row:
            raise _duplicate((other, earlier), (row, text), shards, indexed)


def _duplicate(
    one: tuple[int, str],
    other: tuple[int, str],
    shards: tuple[Shard, ...],
    indexed: list[IndexedShard],
) -> SpectrumError:
    (row, text), (again, text_again) = one, other
    starts = _starts(indexed)
    number, number_again = np.searchsorted(starts, [row, again], side="right") - 1
    where = (
        f"in the rows {row - starts[number]} and {again - starts[number]}"
        if number == number_again
        else f"in row {row - starts[number]} and in row {again - starts[number_again]} of "
        f"{shards[number_again].path}"
    )
    if text != text_again:
        where += f", written {text!r} and {text_again!r}: blanks around a name are no part of it"
    return SpectrumError(
        f"{shards[number].path}: the identifier '{trim(text)}' comes twice, {where} "
        "(counted from 0). Give every row a unique one in 'filenames'."
    )


def _take(
    shards: tuple[Shard, ...], indexed: list[IndexedShard], rows: NDArray[np.int64], pick: Pick
) -> NDArray[np.object_]:
    """Read texts of any rows of a pool that has no index yet, in the order asked."""
    found = np.empty(len(rows), dtype=object)
    order = np.argsort(rows, kind="stable")
    starts = _starts(indexed)
    borders = np.searchsorted(rows[order], starts)
    for number, (start, stop) in enumerate(pairwise(borders)):
        if start < stop:
            some = order[start:stop]
            with open_hdf5(shards[number].path) as file:
                found[some] = pick(file[indexed[number].group], rows[some] - starts[number])
    return found


def _starts(indexed: list[IndexedShard]) -> list[int]:
    return list(accumulate((one.n for one in indexed), initial=0))


def _numbered(pieces: Iterator[NDArray[Any]]) -> Iterator[tuple[int, NDArray[Any]]]:
    first = 0
    for piece in pieces:
        yield first, piece
        first += len(piece)


def _fences(piece: NDArray[Any], first: int) -> NDArray[Any]:
    return piece[KEY][-first % FENCE :: FENCE]


def _n_fences(n: int) -> int:
    return -(-n // FENCE)
