"""The command line: `active-cnn COMMAND …`; each command does what its page does."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from active_cnn import __version__
from active_cnn.cli.options import Parser
from active_cnn.cli.output import complain
from active_cnn.errors import ActiveCnnError, what_is_lacking

# In the order of the help: the module and the function that add each one. Only the command that
# is asked for is loaded: all of them take a second and 100 MB.
_COMMANDS = {
    "demo": "creation.add_demo",
    "ingest": "spectra.add_ingest",
    "training-set": "training_set.add_training_set",
    "create": "creation.add_create",
    "presets": "presets.add_presets",
    "definition": "definition.add_definition",
    "folders": "folders.add_folders",
    "train": "training.add_train",
    "predict": "spectra.add_predict",
    "next": "campaigns.add_next",
    "status": "campaigns.add_status",
    "export": "candidates.add_export",
    "report": "report.add_report",
    "backup": "backup.add_backup",
    "restore": "backup.add_restore",
    "answers": "answers.add_answers",
    "simulate": "simulation.add_simulate",
    "serve": "serving.add_serve",
}


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit: 0 = done, 1 = refused or failed, 2 = not understood."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    # Names of files are bytes: what no terminal can show is no reason to fail.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            options = _build_parser(given[0] if given else "").parse_args(given)
            options.run(options)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _leave_quietly()
    except ActiveCnnError as error:
        complain(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        complain("Interrupted.")
        sys.exit(130)
    except (OSError, RuntimeError, MemoryError) as error:
        lacking = what_is_lacking(error)
        if not lacking:
            raise
        complain(lacking)
        sys.exit(1)
    sys.exit(0)


def _leave_quietly() -> NoReturn:
    # A reader that closes the pipe early, such as `head`, is no error. SIGPIPE stays ignored
    # meanwhile: by default a worker that died would take the whole command with it.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    sys.exit(141)  # as a shell shows what SIGPIPE has ended


def _build_parser(asked: str) -> Parser:
    parser = Parser(
        prog="active-cnn",
        description="Find rare objects in huge spectroscopic surveys with active deep learning.",
    )
    parser.add_argument("--version", action="version", version=f"active-cnn {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in [asked] if asked in _COMMANDS else _COMMANDS:
        module, add = _COMMANDS[name].split(".")
        getattr(import_module(f"{__name__}.{module}"), add)(commands)
    return parser
