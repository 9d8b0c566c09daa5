"""Questions that teach: what a strategy chooses, what is like a spectrum, what a person names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.files import open_pool
from active_cnn.campaign.questions import ask, newest_scored, open_rows, open_scored, query_seed
from active_cnn.campaign.standing import repeatable
from active_cnn.campaign.store import Store
from active_cnn.errors import AcquisitionError, SpectrumError
from active_cnn.query.instrumental import is_instrumental
from active_cnn.query.lookalikes import SAMPLE, find_alike, first_of_a_kind
from active_cnn.query.mixture import check_shares, interleave
from active_cnn.query.scored import Choice, Scored
from active_cnn.query.selection import refuse_size, select
from active_cnn.query.similar import similarity
from active_cnn.query.strategies import (
    DEFAULT_SHARES,
    DEFAULT_STRATEGY,
    MIXED,
    PLAIN,
    Strategy,
    find_strategy,
)
from active_cnn.records import Campaign, Purpose, Query
from active_cnn.spectra.pool import Pool

RELABEL_SIZE = 100
SIMILAR_SIZE = 20
# Rounds in which what was screened out of a batch is replaced.
MOST_ROUNDS = 8


@dataclass(frozen=True)
class Screen:
    """What is kept out of a batch, whatever a strategy chooses.

    Parameters
    ----------
    lookalikes : bool
        Further spectra of a star, and windows that are nearly the same.
    instrumental : bool
        Spectra that are remarkable for a defect or for the night sky.
    """

    lookalikes: bool = True
    instrumental: bool = True


def draw_relabel_query(
    store: Store,
    campaign: Campaign,
    strategy: str = DEFAULT_STRATEGY,
    size: int = RELABEL_SIZE,
    seed: int | None = None,
    *,
    shares: Mapping[str, float] | None = None,
    screen: Screen | None = None,
    repeats: float = 0.0,
) -> Query:
    """Choose unanswered spectra for the oracle by a strategy of `STRATEGIES`.

    They are chosen by the newest predictions: while the open iteration is being trained, by those
    of the one before it.

    Parameters
    ----------
    store, campaign
        Where the query is kept.
    strategy : str
        One of `STRATEGIES`.
    size : int
        How many spectra.
    seed : int, optional
        By default derived from the campaign's.
    shares : mapping of str to float, optional
        Of a mixture, by strategy.
    screen : Screen, optional
        What is kept out of the batch; by default look-alikes and what is instrumental.
    repeats : float
        Share of the batch, below 1, that are blind repeats: spectra that were answered by
        earlier predictions, as far as there are any.

    Raises
    ------
    AcquisitionError
        If there is no such strategy, or nothing left that it would ask about.
    CampaignError
        If no iteration has been scored.
    """
    chooses = find_strategy(strategy, shares)
    if size < 1:
        raise AcquisitionError(f"Cannot ask about {size} spectra: ask for 1 at least.")
    if not 0 <= repeats < 1:
        raise AcquisitionError(
            f"A share of {repeats:g} blind repeats is none: give a number from 0 to below 1."
        )
    iteration = newest_scored(store, campaign)
    pool = open_pool(store, campaign)
    scored = open_scored(store, campaign, iteration, pool)
    rows = open_rows(store, campaign, iteration, pool, scored)
    n_open = int(scored.is_target[rows].sum()) if strategy == "random-target" else len(rows)
    if not n_open:
        raise AcquisitionError(
            f"Nothing is left that the strategy {strategy!r} would ask about in iteration "
            f"{iteration.number}. Choose another strategy, or go on to the next iteration."
        )
    seed = query_seed(store, campaign, iteration) if seed is None else seed
    rng = np.random.default_rng(seed)
    screening = _Screening(screen or Screen(), campaign, pool)
    again = _draw_repeats(store, campaign, pool, round(repeats * size), rng)
    n_wanted = size - len(again)
    choice = _choose(chooses, scored, rows, n_wanted, n_open, rng, screening)
    if not len(choice):
        raise AcquisitionError(
            f"Nothing is left that the strategy {strategy!r} would ask about in iteration "
            f"{iteration.number} but look-alikes and what the instrument did. Let these in, choose "
            "another strategy, or go on to the next iteration."
        )
    choice, is_repeat = _hide_among(again, choice, rng)
    notices = [f"There were {len(choice)} of {size} spectra to ask about."] * (len(choice) < size)
    design: dict[str, object] = {"screened": screening.counts}
    if strategy == MIXED:
        design["shares"] = asked = check_shares(shares or DEFAULT_SHARES, PLAIN)
        silent = [name for name in asked if name not in choice.chosen_by and asked[name] > 1 / size]
        if silent:
            notices.append(
                f"{' and '.join(silent)} had nothing to ask about and left the share to the others."
            )
    return ask(
        store,
        campaign,
        iteration,
        Purpose.RELABEL,
        strategy,
        size,
        seed,
        choice,
        notice=" ".join(notices),
        design=design,
        is_repeat=is_repeat,
    )


def _draw_repeats(
    store: Store, campaign: Campaign, pool: Pool, size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    names = repeatable(store, campaign) if size else []
    return rng.choice(pool.rows(names), min(size, len(names)), replace=False)


def _hide_among(
    again: NDArray[np.int64], choice: Choice, rng: np.random.Generator
) -> tuple[Choice, NDArray[np.bool_]]:
    if not len(again):
        return choice, np.zeros(len(choice), dtype=bool)
    order = interleave([len(choice), len(again)], rng)
    both = Choice.of_all([choice, Choice.by_chance("repeat", again)]).take(order)
    return both, order >= len(choice)


class _Screening:
    """Keeps spectra out of a batch and counts them."""

    def __init__(self, screen: Screen, campaign: Campaign, pool: Pool) -> None:
        self._screen, self._pool = screen, pool
        self._wavelength, self._parts = campaign.grid.wavelength, campaign.grid.parts
        self._lines = [line.wavelength for line in campaign.lines]
        self._seed = campaign.seed
        self.counts = {"look-alike": 0, "instrumental": 0}

    def passes(self, rows: NDArray[np.int64], n_kept: int) -> NDArray[np.bool_]:
        """Tell which rows may be asked about; the first `n_kept` have passed already."""
        passed = np.ones(len(rows), dtype=bool)
        if not (self._screen.lookalikes or self._screen.instrumental):
            return passed
        windows = self._windows(rows)
        if self._screen.instrumental:
            new = windows[n_kept:]
            passed[n_kept:] &= ~is_instrumental(
                new,
                self._wavelength,
                self._lines,
                self._power,
                self._parts,
                has_filled_ends=self._has_filled_ends,
            )
            self.counts["instrumental"] += int((~passed).sum())
        if self._screen.lookalikes:
            ra, dec = self._pool.places(rows[passed])
            kept = first_of_a_kind(windows[passed], ra, dec, n_kept, self._alike, self._parts)
            self.counts["look-alike"] += int((~kept).sum())
            passed[passed] = kept
        return passed

    def _windows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        # Not as the network sees them: a cosmic ray is to be seen whole, and what was filled in
        # stays flat.
        return self._pool.scaling.plain(self._pool.flux(rows))

    @cached_property
    def _has_filled_ends(self) -> bool:
        return self._pool.resolution.limits.coverage < 1

    @cached_property
    def _sample(self) -> NDArray[np.int64]:
        usable = np.flatnonzero(self._pool.usable)
        rng = np.random.default_rng(self._seed)
        return np.sort(rng.choice(usable, min(SAMPLE, len(usable)), replace=False))

    @cached_property
    def _alike(self) -> float:
        return find_alike(self._windows(self._sample), self._parts)

    @cached_property
    def _power(self) -> float | None:
        powers = self._pool.powers(self._sample)
        return None if np.isnan(powers).all() else float(np.nanmax(powers))


def _choose(
    chooses: Strategy,
    scored: Scored,
    rows: NDArray[np.int64],
    size: int,
    n_open: int,
    rng: np.random.Generator,
    screening: _Screening,
) -> Choice:
    choice = chooses(scored, rows, min(size, n_open), rng)
    seen = set(choice.rows.tolist())
    choice = choice.take(screening.passes(choice.rows, 0))
    rest = rows
    for _ in range(MOST_ROUNDS):
        missing = min(size, n_open) - len(choice)
        if not missing:
            break
        # What was screened out stays out; the strategy goes on without it.
        rest = rest[~np.isin(rest, list(seen))]
        if not len(rest):
            break
        try:
            more = chooses(scored, rest, min(2 * missing, len(rest)), rng)
        except AcquisitionError:
            break
        seen.update(more.rows.tolist())
        both = Choice.of_all([choice, more])
        choice = both.take(screening.passes(both.rows, len(choice)))
        choice = choice.take(np.arange(min(len(choice), min(size, n_open))))
    return choice


def draw_similar_query(
    store: Store,
    campaign: Campaign,
    identifiers: Sequence[str],
    size: int = SIMILAR_SIZE,
    *,
    screen: Screen | None = None,
) -> Query:
    """Ask about the unanswered spectra that are most like some others.

    Raises
    ------
    AcquisitionError
        If no features were kept of the newest network, or none of the others can be compared.
    SpectrumError
        If one of them is not in the pool.
    """
    iteration = newest_scored(store, campaign)
    pool = open_pool(store, campaign)
    scored = open_scored(store, campaign, iteration, pool)
    rows = open_rows(store, campaign, iteration, pool, scored)
    examples = pool.rows(list(identifiers))
    _refuse_unusable(pool, examples)
    rows = rows[~np.isin(rows, examples)]
    refuse_size(size, len(rows))
    features = scored.need_features("similar")
    nearness = similarity(features, features.take(examples), pool.n)
    seed = query_seed(store, campaign, iteration)

    def nearest(_: Scored, some: NDArray[np.int64], n: int, rng: np.random.Generator) -> Choice:
        places = select(nearness[some], n, rng)
        return Choice.by("similar", some[places], nearness[some[places]])

    screening = _Screening(screen or Screen(), campaign, pool)
    rng = np.random.default_rng(seed)
    choice = _choose(nearest, scored, rows, size, len(rows), rng, screening)
    if not len(choice):
        raise AcquisitionError("All that is similar is a look-alike: let look-alikes in.")
    what = identifiers[0] if len(identifiers) == 1 else f"{len(identifiers)} spectra"
    return ask(
        store,
        campaign,
        iteration,
        Purpose.RELABEL,
        f"similar to {what}",
        size,
        seed,
        choice,
        design={"examples": list(identifiers), "screened": screening.counts},
    )


def ask_about(store: Store, campaign: Campaign, identifier: str) -> Query:
    """Ask about one spectrum that a person has named, whether it has been answered or not.

    Raises
    ------
    SpectrumError
        If it is not in the pool, or cannot be used.
    AcquisitionError
        If it is being asked about already.
    """
    iteration = newest_scored(store, campaign)
    pool = open_pool(store, campaign)
    row = pool.rows([identifier])
    _refuse_unusable(pool, row)
    (identifier,) = pool.identifiers(row)
    if identifier in store.asked(iteration):
        raise AcquisitionError(
            f"The spectrum {identifier!r} is among those that are asked about already: open it in "
            "the list of the page."
        )
    return ask(
        store,
        campaign,
        iteration,
        Purpose.RELABEL,
        "by hand",
        1,
        query_seed(store, campaign, iteration),
        Choice.by_chance("by hand", row),
    )


def _refuse_unusable(pool: Pool, rows: NDArray[np.int64]) -> None:
    unusable = rows[~pool.usable[rows]]
    if unusable.size:
        name = pool.identifiers(unusable[:1])[0]
        raise SpectrumError(
            f"The spectrum {name!r} cannot be used (see Overview, Refused): name another one."
        )
