"""The command line: `active-cnn COMMAND …`; each command does what its page does."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

from active_cnn import __version__, serve
from active_cnn.campaign import campaign as campaigns
from active_cnn.campaign import demo, jobs
from active_cnn.campaign.answer_log import export_answers, import_answers
from active_cnn.campaign.backup import back_up
from active_cnn.campaign.definition import Definition, read_definition
from active_cnn.campaign.restoration import restore
from active_cnn.campaign.status import summarise
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.campaign.training_data import trained_answers
from active_cnn.delivery.candidates import above_threshold, find_candidates
from active_cnn.delivery.tables import FORMATS, write_candidates
from active_cnn.errors import ActiveCnnError, CampaignError, JobError, StoreError
from active_cnn.records import (
    DEFAULT_PRESET,
    STOPPING_PRESETS,
    Grid,
    Job,
    JobState,
    TrainingSettings,
)
from active_cnn.settings import Settings
from active_cnn.spectra.ingest import IngestProgress, ingest

# How often the store is asked how far a job is, in seconds.
POLL_EVERY = 0.5


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        _complain(f"{message}. See `{self.prog} --help`.")
        sys.exit(2)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit: 0 = done, 1 = refused or failed, 2 = not understood."""
    # A reader that closes the pipe early, such as `head`, is no error.
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    options = _build_parser().parse_args(arguments)
    try:
        options.run(options)
    except ActiveCnnError as error:
        _complain(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        _complain("Interrupted.")
        sys.exit(130)
    sys.exit(0)


def _path(text: str) -> Path:
    # An empty path would mean the working folder; it comes from a variable that is not set.
    if not text:
        raise argparse.ArgumentTypeError("a path is empty")
    return Path(text)


def _complain(message: str) -> None:
    sys.stderr.write(f"active-cnn: {' '.join(message.split())}\n")


def _say(message: str) -> None:
    sys.stdout.write(f"{message}\n")


def _build_parser() -> _Parser:
    parser = _Parser(
        prog="active-cnn",
        description="Find rare objects in huge spectroscopic surveys with active deep learning.",
    )
    parser.add_argument("--version", action="version", version=f"active-cnn {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(
        name: str, run: Callable[[argparse.Namespace], None], text: str, to: Any = commands
    ) -> _Parser:
        command: _Parser = to.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    def add_home(command: _Parser) -> None:
        command.add_argument(
            "--home",
            type=_path,
            default=Settings.from_environment().home,
            metavar="DIR",
            help="folder of the campaigns (default: $ACTIVE_CNN_HOME, else ./data)",
        )

    def add_campaign(command: _Parser) -> None:
        add_home(command)
        command.add_argument("--campaign", metavar="NAME", help="default: the newest one")

    command = add("demo", _demo, "make a simulated survey and a campaign on it")
    add_home(command)
    command.add_argument("--name", default=demo.DEMO_NAME, help="default: %(default)s")
    command.add_argument(
        "--pool-size", type=int, default=demo.POOL_SIZE, metavar="N", help="default: %(default)s"
    )
    command.add_argument(
        "--training-size",
        type=int,
        default=demo.TRAINING_SIZE,
        metavar="N",
        help="default: %(default)s",
    )
    command.add_argument(
        "--emission-share",
        type=float,
        default=demo.EMISSION_SHARE,
        metavar="P",
        help="share of emission spectra in the pool (default: %(default)s)",
    )
    command.add_argument(
        "--double-peak-share",
        type=float,
        default=demo.DOUBLE_PEAK_SHARE,
        metavar="P",
        help="share of double-peak spectra in the pool (default: %(default)s)",
    )
    command.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")
    command.add_argument(
        "--if-empty", action="store_true", help="do nothing when the home holds a campaign"
    )

    command = add("ingest", _ingest, "read spectra into a pool")
    command.add_argument(
        "source",
        nargs="+",
        type=_path,
        help="FITS files, folders, .txt lists of files, or pools (.h5)",
    )
    command.add_argument("--out", type=_path, required=True, metavar="FILE.h5")
    command.add_argument(
        "--resume", action="store_true", help="go on with a pool that was not finished"
    )
    command.add_argument(
        "--grid",
        nargs=3,
        metavar=("START", "END", "N"),
        help=f"wavelengths in Å (vacuum) and their number (default: {Grid()})",
    )

    command = add("create", _create, "create a campaign on a training set and a pool")
    add_home(command)
    command.add_argument("--name", required=True)
    command.add_argument("--training", type=_path, required=True, metavar="FILE.csv")
    command.add_argument("--pool", type=_path, required=True, metavar="FILE.h5")
    command.add_argument(
        "--definition",
        type=_path,
        metavar="FILE.toml",
        help="grid, classes and lines of the campaign (default: those of the method's authors)",
    )
    command.add_argument("--seed", type=int, default=1, metavar="S", help="default: %(default)s")

    command = add("train", _train, "train the open iteration's network and predict the pool")
    add_campaign(command)
    command.add_argument(
        "--preset",
        choices=list(STOPPING_PRESETS),
        default=DEFAULT_PRESET,
        help="when the training stops (default: %(default)s)",
    )
    command.add_argument("--min-delta", type=float, metavar="X", help="instead of the preset's")
    command.add_argument("--patience", type=int, metavar="EPOCHS", help="instead of the preset's")
    command.add_argument("--max-epochs", type=int, metavar="N")
    command.add_argument("--batch-size", type=int, metavar="N")
    command.add_argument("--holdout", type=float, metavar="P", help="share held out")
    command.add_argument("--no-balance", dest="balance", action="store_false", default=None)
    command.add_argument("--seed", type=int, metavar="S", help="default: the iteration's")

    command = add("predict", _predict, "classify spectra with the newest trained network")
    add_campaign(command)
    command.add_argument(
        "source",
        nargs="+",
        type=_path,
        help="FITS files, folders, .txt lists of files, or pools (.h5)",
    )
    command.add_argument("--out", type=_path, required=True, metavar="FILE.csv")

    command = add("next", _next, "close the open iteration and begin the next one")
    add_campaign(command)

    command = add("status", _status, "tell how a campaign stands")
    add_campaign(command)
    command.add_argument("--json", action="store_true", help="as JSON")

    command = add("export", _export, "write the candidates")
    add_campaign(command)
    command.add_argument(
        "--out", type=_path, required=True, metavar="FILE", help=f"ending: {', '.join(FORMATS)}"
    )
    command.add_argument(
        "--threshold",
        type=float,
        default=0.0,
        metavar="P",
        help="least probability of what only the network says (default: %(default)s)",
    )

    command = add("backup", _backup, "copy the database and all that it refers to")
    add_home(command)
    command.add_argument(
        "--out", type=_path, required=True, metavar="FOLDER", help="one that does not exist yet"
    )
    command.add_argument(
        "--without-pools", action="store_true", help="leave the pools in the home out"
    )

    command = add("restore", _restore, "make a home from a backup")
    command.add_argument("folder", type=_path, help="what `active-cnn backup` has made")
    command.add_argument(
        "--home", type=_path, required=True, metavar="DIR", help="one without campaigns"
    )

    text = "carry the log of answers to another home"
    answers = commands.add_parser("answers", help=text, description=text)
    acts = answers.add_subparsers(metavar="ACT", required=True)
    command = add("export", _export_answers, "write every answer that was ever given", acts)
    command.add_argument(
        "--out",
        type=_path,
        required=True,
        metavar="FILE",
        help=".csv, or .json with the queries that asked",
    )
    add_home(command)
    command.add_argument("--campaign", metavar="NAME", help="default: all of them")
    command = add("import", _import_answers, "add the answers that are not there yet", acts)
    command.add_argument(
        "file", type=_path, help="what `active-cnn answers export` has written (.csv or .json)"
    )
    add_home(command)
    command.add_argument("--campaign", metavar="NAME", help="default: all of them")

    command = add("serve", _serve, "start the dashboard")
    add_home(command)
    command.add_argument(
        "--address",
        default=serve.LOCALHOST,
        metavar="HOST",
        help="where it listens; beyond this machine only if it asks who enters "
        "(default: %(default)s)",
    )
    command.add_argument(
        "--port", type=int, default=serve.PORT, metavar="N", help="default: %(default)s"
    )
    command.add_argument(
        "--secrets",
        type=_path,
        metavar="FILE.toml",
        help="the team's password or its OIDC login (default: .streamlit/secrets.toml)",
    )
    return parser


def _open(options: argparse.Namespace) -> Store:
    if not (options.home / FILE_NAME).exists():
        raise StoreError(
            f"There is no campaign in {options.home} yet. "
            "Create one with `active-cnn create`, or make the demo with `active-cnn demo`."
        )
    return Store(options.home)


def _demo(options: argparse.Namespace) -> None:
    with Store(options.home) as store:
        if options.if_empty and store.campaign_names():
            return
        with _Bar("Simulating", "spectra") as bar:
            try:
                campaign = demo.create_demo(
                    store,
                    name=options.name,
                    pool_size=options.pool_size,
                    training_size=options.training_size,
                    emission_share=options.emission_share,
                    double_peak_share=options.double_peak_share,
                    seed=options.seed,
                    progress=bar.show,
                )
            except CampaignError:
                # Another process may have made it in the meantime.
                if options.if_empty and store.campaign_names():
                    return
                raise
    _say(f"Campaign {campaign.name!r} is ready in {options.home}.")


def _ingest(options: argparse.Namespace) -> None:
    grid = Grid()
    if options.grid:
        try:
            start, end, n = float(options.grid[0]), float(options.grid[1]), int(options.grid[2])
        except ValueError as error:
            raise CampaignError(
                f"--grid {' '.join(options.grid)} is no grid: {error}. "
                "Give two wavelengths in Å and a whole number."
            ) from error
        grid = Grid(start, end, n)
    with _Bar("Ingesting", "spectra") as bar:

        def show(progress: IngestProgress) -> None:
            bar.show(progress.done, progress.total, known=progress.resumed)

        report = ingest(
            options.source, options.out, grid=grid, resume=options.resume, progress=show
        )
    _say(f"{report.accepted} spectra are in {options.out}; {report.refused} were refused.")
    for reason, count in report.reasons.items():
        _say(f"{count:8d}  {reason}")


def _create(options: argparse.Namespace) -> None:
    definition = read_definition(options.definition) if options.definition else Definition()
    with Store(options.home) as store, _Bar("Reading the pool", "spectra") as bar:
        campaign = campaigns.create_campaign(
            store,
            options.name,
            options.training,
            options.pool,
            grid=definition.grid,
            classes=definition.classes,
            lines=definition.lines,
            chosen_keys=definition.keys,
            seed=options.seed,
            progress=bar.show,
        )
    _say(f"Campaign {campaign.name!r} is ready in {options.home}.")


def _train(options: argparse.Namespace) -> None:
    preset = STOPPING_PRESETS[options.preset]
    with _open(options) as store:
        campaign = store.campaign(options.campaign)
        given = {
            name: getattr(options, name)
            for name in (
                "min_delta", "patience", "max_epochs", "batch_size", "holdout", "balance", "seed",
            )
            if getattr(options, name) is not None
        }  # fmt: skip
        settings = TrainingSettings(
            **{
                "min_delta": preset.min_delta,
                "patience": preset.patience,
                "seed": store.iteration(campaign.name).seed,
                **given,
            }
        )
        job = jobs.start_training(store, campaign, settings)
        try:
            job = _watch(store, job)
        except KeyboardInterrupt:
            jobs.cancel(store, campaign)
            job = _watch(store, job)
        if job.state is not JobState.SUCCEEDED:
            raise JobError(job.error)
        result = store.iteration(campaign.name, job.iteration).result
        if result is None:
            raise JobError(f"Job {job.number} left no result. Train the iteration again.")
    for notice in result.notices:
        _say(notice)
    counts = ", ".join(f"{count} {name}" for name, count in result.predicted_counts.items())
    _say(
        f"Iteration {job.iteration}: {len(result.history['loss'])} epochs in "
        f"{result.seconds['training']:.0f} s, the pool in {result.seconds['predicting']:.0f} s "
        f"on {result.device}. Predicted: {counts}."
    )


def _watch(store: Store, job: Job) -> Job:
    phase, bar = "", None
    campaign = store.campaign(job.campaign)
    try:
        while job.state.is_active:
            if job.phase != phase:
                if bar:
                    bar.close()
                phase, bar = job.phase, _Bar(job.phase.capitalize(), _UNITS.get(job.phase, "steps"))
            if bar:
                bar.show(job.done, job.total, _details(job))
            time.sleep(POLL_EVERY)
            jobs.refresh(store, campaign)
            job = store.job(job.number)
    finally:
        if bar:
            bar.close()
    return job


_UNITS = {"training": "epochs", "predicting": "spectra"}


def _details(job: Job) -> str:
    losses = job.details.get("history", {}).get("loss", [])
    rate = job.details.get("spectra_per_second")
    parts = [f"loss {losses[-1]:.4f}"] if losses and job.phase == "training" else []
    return ", ".join([*parts, *([f"{rate:.0f} spectra/s"] if rate else [])])


def _predict(options: argparse.Namespace) -> None:
    _silence_libraries()
    # The network's backend takes seconds to import, so that only this command does.
    from active_cnn.campaign.classification import classify

    with _open(options) as store, _Bar("Classifying", "spectra") as bar:
        campaign = store.campaign(options.campaign)
        n_classified, n_refused = classify(
            store, campaign, options.source, options.out, progress=bar.show
        )
    _say(f"{n_classified} spectra are classified in {options.out}; {n_refused} were refused.")


def _silence_libraries() -> None:
    # The backend's native code chatters on the stderr of the process, whatever it is told;
    # there it would bury the one line that a user has to read. Python's stderr stays.
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _next(options: argparse.Namespace) -> None:
    with _open(options) as store:
        campaign = store.campaign(options.campaign)
        jobs.refresh(store, campaign)
        iteration = campaigns.close_iteration(store, campaign)
        n = len(trained_answers(store, campaign, iteration))
    _say(
        f"Iteration {iteration.number} of {campaign.name!r} is open: {n} answers join its training."
    )


def _status(options: argparse.Namespace) -> None:
    with _open(options) as store:
        campaign = store.campaign(options.campaign)
        jobs.refresh(store, campaign)
        status = summarise(store, campaign)
    if options.json:
        _say(json.dumps(status, indent=2, allow_nan=False))
        return
    for name, value in status.items():
        _say(f"{name.replace('_', ' '):>20}  {_in_words(value)}")


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_in_words(one)}" for name, one in value.items()) or "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    return "-" if value is None else str(value)


def _export(options: argparse.Namespace) -> None:
    if not 0 <= options.threshold <= 1:
        raise StoreError(f"--threshold is {options.threshold}: give a probability from 0 to 1.")
    with _open(options) as store:
        candidates = find_candidates(store, store.campaign(options.campaign))
    candidates = above_threshold(candidates, options.threshold)
    write_candidates(candidates, options.out)
    _say(f"{len(candidates)} candidates are in {options.out}.")


def _backup(options: argparse.Namespace) -> None:
    with _open(options) as store, _Bar("Copying", "bytes") as bar:
        report = back_up(
            store, options.out, with_pools=not options.without_pools, progress=bar.show
        )
    for notice in report.notices:
        _say(notice)
    _say(f"{report.n_files} files ({report.n_bytes / 1e6:.1f} MB) are in {options.out}.")


def _restore(options: argparse.Namespace) -> None:
    with _Bar("Restoring", "bytes") as bar:
        report = restore(options.folder, options.home, progress=bar.show)
    for notice in report.notices:
        _say(notice)
    _say(f"{report.n_files} files ({report.n_bytes / 1e6:.1f} MB) are in {options.home}.")


def _export_answers(options: argparse.Namespace) -> None:
    with _open(options) as store:
        n = export_answers(store, options.out, options.campaign)
    _say(f"{n} answers are in {options.out}.")


def _import_answers(options: argparse.Namespace) -> None:
    with _open(options) as store:
        report = import_answers(store, options.file, options.campaign)
    _say(
        f"{report.n_new} answers were added with {report.n_queries} queries; "
        f"{report.n_known} were there already."
    )
    if report.n_overtaken:
        _say(
            f"{report.n_overtaken} of them are older than what the same person had said of the "
            "same spectrum here. What was added last counts: look at them again."
        )


def _serve(options: argparse.Namespace) -> None:
    plan = serve.plan_start(options.home, options.address, options.port, options.secrets)
    _say(plan.announcement)
    serve.start(plan)


class _Bar:
    """A progress bar on stderr, with rate and time left; there is none until there is progress."""

    def __init__(self, what: str, unit: str) -> None:
        self._what, self._unit = what, unit
        self._began = time.time()
        self._bar: tqdm | None = None

    def show(self, done: int, total: int, details: str = "", known: int = 0) -> None:
        if self._bar is None:
            # What an earlier run has done does not count for the rate.
            self._bar = tqdm(
                desc=self._what,
                unit=f" {self._unit}",
                initial=known,
                dynamic_ncols=True,
                file=sys.stderr,
                disable=None,  # where nobody watches, such as in a log
            )
            self._bar.start_t = self._began
        self._bar.total = total
        self._bar.n = done
        self._bar.set_postfix_str(details, refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
