"""The verbs of the loop: create a campaign, ask, record an answer, measure, go on."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from active_cnn.campaign.store import Store
from active_cnn.errors import AcquisitionError, CampaignError, StoreError
from active_cnn.evaluation.precision import Judgement, Precision, estimate_precision
from active_cnn.learning.predictions import NOT_PREDICTED, PredictionsFile
from active_cnn.query.strategies import STRATEGIES, Predictions
from active_cnn.records import (
    Answer,
    Campaign,
    Grid,
    Iteration,
    Line,
    OracleClass,
    Purpose,
    Query,
    QueryItem,
)
from active_cnn.spectra.pool import Pool, index_pool, is_indexed
from active_cnn.spectra.training_set import TrainingSet, read_training_csv
from active_cnn.spectra.wavelength import LINES

# The classes of Škoda, Podsztavek & Tvrdík (2020); a campaign may have its own.
DEFAULT_CLASSES = (
    OracleClass("absorption", "a", "not-interesting"),
    OracleClass("emission", "e", "emission", is_target=True),
    OracleClass("double-peak", "d", "double-peak", is_target=True),
    OracleClass("noise", "n", "not-interesting"),
    OracleClass("artefact", "x", "not-interesting"),
    OracleClass("unsure", "u", None),
)

POOL_INDEX = "pool-index.h5"

LARGEST_SEED = 2**31 - 1

PERFORMANCE_SIZE = 30
RELABEL_SIZE = 100

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def create_campaign(
    store: Store,
    name: str,
    training: Path,
    pool: Path,
    *,
    grid: Grid | None = None,
    classes: tuple[OracleClass, ...] = DEFAULT_CLASSES,
    lines: tuple[Line, ...] = LINES,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Campaign:
    """Create a campaign on a training set and a pool; both are read through and checked.

    Parameters
    ----------
    store : Store
        Where it will be kept.
    name : str
        Letters, digits, dot, dash and underscore; also the name of its folder.
    training : Path
        CSV of the initial training set.
    pool : Path
        HDF5 file of the pool; it stays where it is and is never copied.
    grid, classes, lines
        What belongs to the campaign; by default those of the method's authors.
    seed : int
        From it all seeds of the campaign are derived.
    progress : callable, optional
        Told how many spectra of the pool have been read, and of how many.

    Returns
    -------
    Campaign

    Raises
    ------
    CampaignError
        If the name cannot be used or is taken.
    SpectrumError
        If one of the files cannot be used, with the row and the value.
    """
    check_new_name(store, name)
    check_seed(seed)
    campaign = Campaign(
        name=name,
        created_at=store.now(),
        grid=grid or Grid(),
        classes=classes,
        lines=lines,
        training_path=_stored_path(store, training),
        training_sha256="",
        pool_path=_stored_path(store, pool),
        pool_fingerprint="",
        seed=seed,
    )
    read_training_csv(training, campaign.grid, campaign.trains)
    training_sha256 = hash_file(training)
    folder = store.home / name
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"Cannot make the campaign's folder {folder}: {error.strerror}. Choose another name."
        ) from error
    index_pool(pool, folder / POOL_INDEX, campaign.grid, progress)
    campaign = replace(
        campaign,
        training_sha256=training_sha256,
        pool_fingerprint=Pool(pool, folder / POOL_INDEX).fingerprint,
    )
    store.add_campaign(campaign, first_seed=seed)
    return campaign


def check_new_name(store: Store, name: str) -> None:
    """Refuse a name that a new campaign cannot have.

    Raises
    ------
    CampaignError
        If it cannot be the name of a folder, or is taken.
    """
    if not _NAME.fullmatch(name):
        raise CampaignError(
            f"{name!r} cannot be the name of a campaign: use 1 to 64 letters, digits, dots, "
            "dashes or underscores, and begin with a letter or digit."
        )
    if name in store.campaign_names():
        raise CampaignError(
            f"There is a campaign {name!r} already in {store.home}. Choose another name."
        )


def check_seed(seed: int) -> None:
    """Refuse a seed that the seeds of a campaign cannot be derived from.

    Raises
    ------
    CampaignError
        If it is negative or too large.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise CampaignError(f"The seed is {seed}: give a number from 0 to {LARGEST_SEED}.")


def _stored_path(store: Store, path: Path) -> str:
    # Files within the home are found again when the home moves.
    path, home = path.resolve(), store.home.resolve()
    return str(path.relative_to(home) if path.is_relative_to(home) else path)


def hash_file(path: Path) -> str:
    """Give the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def training_path(store: Store, campaign: Campaign) -> Path:
    """Give the file of the initial training set."""
    return store.home / campaign.training_path


def open_pool(store: Store, campaign: Campaign) -> Pool:
    """Give the campaign's pool.

    Raises
    ------
    SpectrumError
        If its file is missing or damaged.
    CampaignError
        If it is no longer the one that the campaign was created on.
    """
    path = store.home / campaign.pool_path
    index = store.home / campaign.name / POOL_INDEX
    if not is_indexed(path, index):
        # The index can be made anew at any time, as in a home that was copied or restored;
        # whether the pool is still the same one is told by its content.
        index_pool(path, index, campaign.grid)
    pool = Pool(path, index)
    if pool.fingerprint != campaign.pool_fingerprint:
        raise CampaignError(
            f"The pool {path} has changed since the campaign was created (fingerprint "
            f"{pool.fingerprint[:12]}…, not {campaign.pool_fingerprint[:12]}…). "
            "Put the old file back, or create a new campaign on this one."
        )
    return pool


def iteration_folder(store: Store, iteration: Iteration) -> Path:
    """Give the folder of an iteration's files."""
    return store.home / iteration.campaign / "iterations" / f"{iteration.number:03d}"


def open_predictions(store: Store, iteration: Iteration) -> PredictionsFile:
    """Give the predictions of an iteration.

    Raises
    ------
    CampaignError
        If it has not been scored.
    """
    if iteration.result is None:
        raise CampaignError(
            f"Iteration {iteration.number} of {iteration.campaign!r} has no predictions yet. "
            "Train it first."
        )
    return PredictionsFile(
        iteration_folder(store, iteration) / iteration.result.predictions_file,
        iteration.result.pool_fingerprint,
    )


def last_scored(store: Store, campaign: str) -> Iteration | None:
    """Give the newest iteration that has predictions."""
    return next((i for i in reversed(store.iterations(campaign)) if i.result), None)


def trained_answers(store: Store, campaign: Campaign, iteration: Iteration) -> dict[str, Answer]:
    """Give the answers that are in an iteration's training set, by identifier.

    These are the current ones at the time when the iteration began, so that no answer is ever
    trained on in the iteration that it measures. `unsure` is not among them.
    """
    answers = store.current_answers(campaign.name, iteration.answers_through)
    return {i: answer for i, answer in answers.items() if answer.answer in campaign.trains}


def draw_performance_sample(
    store: Store, campaign: Campaign, size: int = PERFORMANCE_SIZE, seed: int | None = None
) -> Query:
    """Draw predicted targets at random, `size` of each class, to measure the precision on.

    Every predicted target that the network was not trained on is equally likely, whether it has
    been answered in the meantime or not.

    Raises
    ------
    AcquisitionError
        If nothing is predicted to be a target, or all of it has been drawn.
    CampaignError
        If the open iteration has not been scored.
    """
    if size < 1:
        raise AcquisitionError(f"Cannot draw {size} spectra of each class: ask for 1 at least.")
    iteration = store.iteration(campaign.name)
    labels = open_predictions(store, iteration).labels()
    seed = _query_seed(store, campaign, iteration) if seed is None else seed
    rng = np.random.default_rng(seed)
    pool = open_pool(store, campaign)
    drawn = [
        item.identifier
        for query in store.queries(iteration, Purpose.PERFORMANCE)
        for item in query.items
    ]
    left_out = np.zeros(pool.n, dtype=bool)
    left_out[pool.rows([*trained_answers(store, campaign, iteration), *drawn])] = True
    left_out[_initial_rows(store, campaign, pool)] = True
    chosen, notices = [], []
    for target in campaign.targets:
        position = campaign.network_classes.index(target)
        rows = np.flatnonzero((labels == position) & ~left_out)
        if len(rows) < size:
            notices.append(f"{len(rows)} of {size} {target}")
        chosen.append(rng.choice(rows, min(size, len(rows)), replace=False))
    found = rng.permutation(np.concatenate(chosen)).astype(np.int64)
    if not len(found):
        raise AcquisitionError(
            f"Iteration {iteration.number} predicts no {' or '.join(campaign.targets)} spectrum "
            "that has not been drawn already: there is nothing more to measure. "
            "Relabel some spectra and go on to the next iteration."
        )
    notice = f"There were fewer than asked for: {', '.join(notices)}." if notices else ""
    return _ask(
        store, campaign, iteration, Purpose.PERFORMANCE, "random", size, seed, found, notice
    )


def draw_relabel_query(
    store: Store,
    campaign: Campaign,
    strategy: str = "entropy",
    size: int = RELABEL_SIZE,
    seed: int | None = None,
) -> Query:
    """Choose unanswered spectra for the oracle by a strategy of `STRATEGIES`.

    Raises
    ------
    AcquisitionError
        If there is no such strategy, or nothing left that it would ask about.
    CampaignError
        If the open iteration has not been scored.
    """
    if strategy not in STRATEGIES:
        raise AcquisitionError(
            f"There is no query strategy {strategy!r}. Choose one of {', '.join(STRATEGIES)}."
        )
    if size < 1:
        raise AcquisitionError(f"Cannot ask about {size} spectra: ask for 1 at least.")
    iteration = store.iteration(campaign.name)
    file = open_predictions(store, iteration)
    predictions = Predictions(
        labels=file.labels(),
        entropy=file.entropy(),
        targets=tuple(campaign.network_classes.index(target) for target in campaign.targets),
    )
    seed = _query_seed(store, campaign, iteration) if seed is None else seed
    pool = open_pool(store, campaign)
    known = {*store.current_answers(campaign.name), *store.asked(iteration)}
    is_open = predictions.labels != NOT_PREDICTED
    is_open[pool.rows(sorted(known))] = False
    is_open[_initial_rows(store, campaign, pool)] = False
    rows = np.flatnonzero(is_open)
    n_open = int(predictions.is_target[rows].sum()) if strategy == "random-target" else len(rows)
    if not n_open:
        raise AcquisitionError(
            f"Nothing is left that the strategy {strategy!r} would ask about in iteration "
            f"{iteration.number}. Choose another strategy, or go on to the next iteration."
        )
    notice = f"There were {n_open} of {size} spectra to ask about." if n_open < size else ""
    chosen = STRATEGIES[strategy](predictions, rows, min(size, n_open), np.random.default_rng(seed))
    return _ask(
        store,
        campaign,
        iteration,
        Purpose.RELABEL,
        strategy,
        size,
        seed,
        chosen,
        notice,
        predictions.entropy[chosen],
    )


def _initial_rows(store: Store, campaign: Campaign, pool: Pool) -> NDArray[np.int64]:
    # Spectra of the initial training set may lie in the pool too: they are known already.
    rows = pool.find(read_initial_set(store, campaign).identifiers)
    return rows[rows >= 0]


def _query_seed(store: Store, campaign: Campaign, iteration: Iteration) -> int:
    parts = (campaign.seed, iteration.number, store.count_queries(campaign.name))
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _ask(
    store: Store,
    campaign: Campaign,
    iteration: Iteration,
    purpose: Purpose,
    strategy: str,
    size: int,
    seed: int,
    rows: NDArray[np.int64],
    notice: str,
    scores: NDArray[np.float32] | None = None,
) -> Query:
    probabilities = open_predictions(store, iteration).probabilities(rows)
    identifiers = open_pool(store, campaign).identifiers(rows)
    if iteration.job is None:
        raise CampaignError(f"Iteration {iteration.number} has no predictions yet. Train it first.")
    return store.add_query(
        Query(
            number=0,
            campaign=campaign.name,
            iteration=iteration.number,
            job=iteration.job,
            purpose=purpose,
            strategy=strategy,
            size=size,
            seed=seed,
            created_at="",
            notice=notice,
            items=tuple(
                QueryItem(
                    position=position,
                    identifier=identifier,
                    predicted=campaign.network_classes[int(row.argmax())],
                    probabilities=tuple(float(p) for p in row),
                    score=None if scores is None else float(scores[position]),
                )
                for position, (identifier, row) in enumerate(
                    zip(identifiers, probabilities, strict=True)
                )
            ),
        )
    )


def record_answer(
    store: Store,
    query: Query,
    identifier: str,
    answer: str | None,
    *,
    oracle: str,
    note: str = "",
    event: str | None = None,
) -> None:
    """Store what the oracle says of one spectrum; None takes an earlier answer back.

    Parameters
    ----------
    store : Store
        Where it is kept; it is on the disk when this returns.
    query : Query
        The query that asked.
    identifier : str
        Which of its spectra.
    answer : str or None
        Name of one of the campaign's classes.
    oracle : str
        Who says it.
    note : str
        Anything else worth keeping.
    event : str, optional
        Unique name of this act; the same one twice is stored once.

    Raises
    ------
    CampaignError
        If the query does not ask about that spectrum, or there is no such class.
    """
    store.add_answer(
        event=event or uuid.uuid4().hex,
        campaign=query.campaign,
        query=query.number,
        identifier=identifier,
        answer=answer,
        note=note.strip(),
        oracle=oracle,
    )


def judge(campaign: Campaign, predicted: str, answer: str | None) -> Judgement:
    """Tell whether an answer agrees with a prediction."""
    if answer is None:
        return Judgement.OPEN
    if answer not in campaign.trains:
        return Judgement.UNSURE
    return Judgement.RIGHT if campaign.trains[answer] == predicted else Judgement.WRONG


def measure_precision(
    store: Store, campaign: Campaign, iteration: Iteration
) -> dict[str, Precision]:
    """Estimate the precision of an iteration's predicted targets, class by class."""
    answers = store.current_answers(campaign.name)
    items = [
        item for query in store.queries(iteration, Purpose.PERFORMANCE) for item in query.items
    ]
    judged: dict[str, list[Judgement]] = {target: [] for target in campaign.targets}
    for item in items:
        answer = answers.get(item.identifier)
        judged[item.predicted].append(
            judge(campaign, item.predicted, answer.answer if answer else None)
        )
    return {target: estimate_precision(judgements) for target, judgements in judged.items()}


def close_iteration(store: Store, campaign: Campaign, number: int | None = None) -> Iteration:
    """Close the open iteration; the next one's training set knows all answers given until now.

    Raises
    ------
    CampaignError
        If `number` is not the open iteration, it has not been scored, or it is being trained.
    """
    if number is None:
        number = store.iteration(campaign.name).number
    return store.close_iteration(campaign.name, number, campaign.seed + number + 1)


@dataclass(frozen=True, eq=False)
class LabelledWindows:
    """What a network is trained on.

    Parameters
    ----------
    identifiers : tuple of str
        Of the initial training set and of the answered spectra.
    windows : ndarray of float32, shape (n_spectra, n_wavelengths)
        Rescaled.
    labels : ndarray of int, shape (n_spectra,)
        Position of each one's class among the network's classes.
    sha256 : str
        Hash of all three.
    """

    identifiers: tuple[str, ...]
    windows: NDArray[np.float32]
    labels: NDArray[np.int64]
    sha256: str


def read_initial_set(store: Store, campaign: Campaign) -> TrainingSet:
    """Read the initial training set.

    Raises
    ------
    SpectrumError
        If its file is missing or damaged.
    CampaignError
        If it has changed since the campaign was created.
    """
    path = training_path(store, campaign)
    initial = read_training_csv(path, campaign.grid, campaign.trains)
    found = hash_file(path)
    if found != campaign.training_sha256:
        raise CampaignError(
            f"The initial training set {path} has changed since the campaign was created "
            f"(SHA-256 {found[:12]}…, not {campaign.training_sha256[:12]}…). "
            "Put the file back, or create a new campaign on the new one."
        )
    return initial


def build_training_set(store: Store, campaign: Campaign, iteration: Iteration) -> LabelledWindows:
    """Join the initial training set and the answers that the iteration knows.

    What the oracle said of a spectrum replaces what the initial training set says of it.

    Raises
    ------
    CampaignError
        If the file of the initial training set has changed since the campaign was created.
    """
    initial = read_initial_set(store, campaign)
    answered = store.current_answers(campaign.name, iteration.answers_through)
    kept = np.array([name not in answered for name in initial.identifiers], dtype=bool)
    answers = trained_answers(store, campaign, iteration)
    said = [campaign.trains[answer.answer] for answer in answers.values() if answer.answer]
    pool = open_pool(store, campaign)
    windows = np.concatenate([initial.windows[kept], pool.windows(pool.rows(list(answers)))])
    labels = _positions(
        campaign, [*(campaign.trains[name] for name in compress(initial.labels, kept)), *said]
    )
    identifiers = (*compress(initial.identifiers, kept), *answers)
    digest = hashlib.sha256(windows.tobytes())
    digest.update(labels.tobytes())
    digest.update("\n".join(identifiers).encode())
    return LabelledWindows(identifiers, windows, labels, digest.hexdigest())


def _positions(campaign: Campaign, names: Sequence[str]) -> NDArray[np.int64]:
    position = {name: i for i, name in enumerate(campaign.network_classes)}
    return np.array([position[name] for name in names], dtype=np.int64)
