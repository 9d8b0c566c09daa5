"""Surveys by the name of what is sought in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from active_cnn.errors import SpectrumError
from active_cnn.spectra.simulation.cases import CASES, Case
from active_cnn.spectra.simulation.cases.definitions import HALPHA
from active_cnn.spectra.simulation.survey import DemoFiles, write_case, write_demo


def find_case(name: str) -> Case:
    """Find a case by its name.

    Raises
    ------
    SpectrumError
        If there is none of that name.
    """
    if name not in CASES:
        raise SpectrumError(f"There is no case {name!r}. Choose one of {', '.join(CASES)}.")
    return CASES[name]


def share_names(case: Case) -> tuple[str, ...]:
    """Name the shares of targets that a survey of the case is made with."""
    return case.targets if case is HALPHA else ("target",)


def choose_shares(
    case: Case, given: Mapping[str, float | None], usual: Mapping[str, float]
) -> dict[str, float]:
    """Choose the shares of targets in the pool of a case.

    Parameters
    ----------
    case : Case
        What is sought.
    given : mapping of str to float or None
        Shares that were asked for, by name; None: the usual one.
    usual : mapping of str to float
        By the same names.

    Raises
    ------
    SpectrumError
        If a share was asked for of what the case has not.
    """
    names = share_names(case)
    for name, share in given.items():
        if share is not None and name not in names:
            options = " and ".join(f"--{one}-share" for one in names)
            raise SpectrumError(
                f"A share of {share:g} {name} spectra means nothing in the case {case.name!r}, "
                f"which seeks {' and '.join(case.targets)}. Give {options}."
            )
    chosen = {name: given.get(name) for name in names}
    return {name: usual[name] if share is None else share for name, share in chosen.items()}


def write_survey(
    folder: Path,
    case: Case,
    shares: Mapping[str, float],
    *,
    pool_size: int,
    training_size: int,
    n_fits: int,
    seed: int,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DemoFiles:
    """Write the survey of a case: training set, pool, truth, whole spectra.

    Parameters
    ----------
    folder : Path
        Where to write.
    case : Case
        What is sought.
    shares : mapping of str to float
        Of targets in the pool, as `choose_shares` gives them.
    pool_size, training_size, n_fits, seed, processes, progress
        See `write_demo`.

    Returns
    -------
    DemoFiles

    Raises
    ------
    SpectrumError
        If a size or a share makes no sense, or the folder cannot be written to.
    """
    if case is HALPHA:
        return write_demo(
            folder,
            pool_size=pool_size,
            training_size=training_size,
            n_fits=n_fits,
            emission_share=shares["emission"],
            double_peak_share=shares["double-peak"],
            seed=seed,
            processes=processes,
            progress=progress,
        )
    return write_case(
        folder,
        case,
        pool_size=pool_size,
        training_size=training_size,
        n_fits=n_fits,
        target_share=shares["target"],
        seed=seed,
        processes=processes,
        progress=progress,
    )
