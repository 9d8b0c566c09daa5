"""How far people agree: kappa of pairs and of all.

Opinions are a mapping: identifier of the spectrum -> {oracle -> class name}.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from statsmodels.stats.inter_rater import cohens_kappa

from active_cnn.errors import CampaignError
from active_cnn.evaluation.consensus import Opinions

CONFIDENCE = 0.95
_FIRST, _SECOND = "the first answer", "the second answer"


@dataclass(frozen=True, eq=False)
class PairAgreement:
    """How far two people agree on the spectra that both judged.

    Parameters
    ----------
    first, second : str
        The two oracles.
    n_shared, n_agree : int
        Spectra that both judged, and those that both put into the same class.
    agreement : float
        n_agree / n_shared.
    kappa, low, high : float
        Cohen's kappa with its 95 % interval; NaN where both gave one and the same class throughout.
    confusion : ndarray of int, shape (n_classes, n_classes)
        Spectra by the class of `first` (row) and of `second` (column); read-only.
    """

    first: str
    second: str
    n_shared: int
    n_agree: int
    agreement: float
    kappa: float
    low: float
    high: float
    confusion: NDArray[np.int64]


@dataclass(frozen=True)
class SelfAgreement:
    """How far one person says the same when asked about the same spectra again.

    Parameters
    ----------
    oracle : str
        Who.
    n_repeated, n_same : int
        Spectra that this person judged twice, and those put into the same class both times.
    agreement : float
        n_same / n_repeated.
    kappa, low, high : float
        Cohen's kappa of the two answers with its 95 % interval; NaN where one and the same class
        was given throughout.
    """

    oracle: str
    n_repeated: int
    n_same: int
    agreement: float
    kappa: float
    low: float
    high: float


@dataclass(frozen=True)
class OverallAgreement:
    """How far all people agree on the spectra that two of them or more judged.

    Parameters
    ----------
    n_spectra, n_judgements : int
        Such spectra, and the opinions on them.
    unanimous : float
        Share of the spectra on which nobody differs; NaN if there are none.
    kappa, low, high : float
        Fleiss' kappa with its 95 % bootstrap interval; NaN where all gave one and the same class.
    """

    n_spectra: int
    n_judgements: int
    unanimous: float
    kappa: float
    low: float
    high: float


def pairwise_agreement(opinions: Opinions, classes: Sequence[str]) -> tuple[PairAgreement, ...]:
    """Compare every two people who judged at least one spectrum in common.

    Parameters
    ----------
    opinions, classes : mapping, sequence of str
        What was said, and all that can be; the classes give the order of the confusion matrix.

    Returns
    -------
    tuple of PairAgreement
        Sorted by the names of the oracles.

    Raises
    ------
    CampaignError
        If an opinion is none of the classes.

    Notes
    -----
    The interval is kappa ± 1.96 standard errors, clipped to [-1, 1]. It is asymptotic: below some
    20 shared spectra, or close to perfect agreement, do not trust it. Its width is zero, which is
    no certainty, where the two agree on everything or one of them gave a single class.

    References
    ----------
    Cohen (1960), Educational and Psychological Measurement, 20, 37; standard error: Fleiss,
    Cohen & Everitt (1969), Psychological Bulletin, 72, 323.
    """
    positions = _positions(opinions, classes)
    shape = len(classes), len(classes)
    tables: dict[tuple[str, str], NDArray[np.int64]] = defaultdict(lambda: np.zeros(shape, int))
    for judged in opinions.values():
        for first, second in combinations(sorted(judged), 2):
            tables[first, second][positions[judged[first]], positions[judged[second]]] += 1
    return tuple(_compare(*pair, tables[pair]) for pair in sorted(tables))


def _compare(first: str, second: str, confusion: NDArray[np.int64]) -> PairAgreement:
    n_shared, n_agree = int(confusion.sum()), int(confusion.trace())
    confusion.setflags(write=False)
    kappa = low = high = nan
    if confusion.diagonal().max() < n_shared:
        # statsmodels also tests kappa = 0, and divides by a zero error where that makes no sense.
        with np.errstate(divide="ignore", invalid="ignore"):
            result = cohens_kappa(confusion)
        kappa = float(result.kappa)
        # A variance of zero can come out negative by rounding.
        half = norm.isf((1 - CONFIDENCE) / 2) * sqrt(max(float(result.var_kappa), 0.0))
        low, high = max(kappa - half, -1.0), min(kappa + half, 1.0)
    return PairAgreement(
        first, second, n_shared, n_agree, n_agree / n_shared, kappa, low, high, confusion
    )


def self_agreement(
    repeated: Mapping[str, Mapping[str, tuple[str, str]]], classes: Sequence[str]
) -> tuple[SelfAgreement, ...]:
    """Compare what each person said of the same spectra at two times.

    Parameters
    ----------
    repeated : mapping of str to mapping of str to (str, str)
        Oracle -> {identifier of the spectrum -> what was said first, and again}; at least one each.
    classes : sequence of str
        All classes that can be given.

    Returns
    -------
    tuple of SelfAgreement
        Sorted by the names of the oracles.

    Raises
    ------
    CampaignError
        If something that was said is none of the classes.

    Notes
    -----
    Kappa, its interval, their sources and their limits are those of `pairwise_agreement`, with the
    two times in the place of the two people.
    """
    found = []
    for oracle, pairs in sorted(repeated.items()):
        # The two times are compared as two people are.
        said = {name: {_FIRST: first, _SECOND: again} for name, (first, again) in pairs.items()}
        (times,) = pairwise_agreement(said, classes)
        found.append(
            SelfAgreement(
                oracle=oracle,
                n_repeated=times.n_shared,
                n_same=times.n_agree,
                agreement=times.agreement,
                kappa=times.kappa,
                low=times.low,
                high=times.high,
            )
        )
    return tuple(found)


def overall_agreement(
    opinions: Opinions, classes: Sequence[str], rng: np.random.Generator, n_resamples: int = 1000
) -> OverallAgreement:
    """Measure the agreement of all people, however many judged each spectrum.

    Parameters
    ----------
    opinions, classes : mapping, sequence of str
        What was said, and all that can be; spectra that fewer than two judged are left out.
    rng, n_resamples : numpy.random.Generator, int
        What draws the bootstrap samples of spectra, and how many.

    Returns
    -------
    OverallAgreement

    Raises
    ------
    CampaignError
        If an opinion is none of the classes.

    Notes
    -----
    Of m_i people, x_ij put spectrum i into class j; the share of class j is p_j. Then
    kappa = 1 - sum_ij x_ij (m_i - x_ij) / m_i / [sum_i (m_i - 1) * sum_j p_j (1 - p_j)],
    which is Fleiss' kappa of 1971 where all m_i are equal.

    The book has no standard error for unequal m_i and several classes, hence the percentile
    bootstrap over spectra. Resamples without a kappa are left out. The interval is too narrow for
    a dozen spectra, has no width where all are unanimous, and is NaN for a single spectrum.

    References
    ----------
    Fleiss (1971), Psychological Bulletin, 76, 378; Fleiss, Levin & Paik (2003), Statistical
    Methods for Rates and Proportions, 3rd edition, chapter 18.3; Efron & Tibshirani (1993),
    An Introduction to the Bootstrap, chapter 13.3.
    """
    positions = _positions(opinions, classes)
    counts = np.array(
        [
            np.bincount([positions[name] for name in judged.values()], minlength=len(classes))
            for judged in opinions.values()
            if len(judged) > 1
        ]
    )  # (n_spectra, n_classes)
    n_spectra = len(counts)
    if not n_spectra:
        return OverallAgreement(0, 0, nan, nan, nan, nan)
    # Spectra with the same counts are alike: drawing how often each kind comes is the same
    # bootstrap, in memory that does not grow with the spectra.
    kinds, frequencies = np.unique(counts, axis=0, return_counts=True)
    kappa = float(_fleiss_kappa(kinds, frequencies[None])[0])
    low = high = nan
    if n_spectra > 1:
        drawn = rng.multinomial(n_spectra, frequencies / n_spectra, size=n_resamples)
        resampled = _fleiss_kappa(kinds, drawn)
        resampled = resampled[np.isfinite(resampled)]
        if len(resampled):
            tail = 50 * (1 - CONFIDENCE)
            low, high = (float(x) for x in np.percentile(resampled, [tail, 100 - tail]))
    return OverallAgreement(
        n_spectra=n_spectra,
        n_judgements=int(counts.sum()),
        unanimous=float((counts.max(axis=1) == counts.sum(axis=1)).mean()),
        kappa=kappa,
        low=low,
        high=high,
    )


def _fleiss_kappa(kinds: NDArray[np.int64], frequencies: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the kappa of each row of frequencies (n_samples, n_kinds) of kinds of spectra."""
    n_people = kinds.sum(axis=1)
    within = frequencies @ (n_people - (kinds**2).sum(axis=1) / n_people)  # (n_samples,)
    per_class = frequencies @ kinds  # (n_samples, n_classes)
    total = per_class.sum(axis=1)
    # In integers, so that a single class gives exactly zero.
    between = total**2 - (per_class**2).sum(axis=1)
    expected = (frequencies @ (n_people - 1)) * between / total**2
    ratio = np.full(len(total), nan)
    np.divide(within, expected, out=ratio, where=between > 0)
    return 1 - ratio


def _positions(opinions: Opinions, classes: Sequence[str]) -> dict[str, int]:
    positions = {name: position for position, name in enumerate(classes)}
    for identifier, judged in opinions.items():
        for oracle, name in judged.items():
            if name not in positions:
                raise CampaignError(
                    f"{oracle} calls {identifier!r} {name!r}, which is none of the classes "
                    f"{list(classes)}: give one of these, or leave that opinion out."
                )
    return positions
