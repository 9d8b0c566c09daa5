"""The command line: `active-cnn COMMAND …`; each command does what its page does."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from active_cnn import __version__
from active_cnn.cli.answers import add_answers
from active_cnn.cli.backup import add_backup, add_restore
from active_cnn.cli.campaigns import add_export, add_next, add_report, add_status
from active_cnn.cli.creation import add_create, add_demo
from active_cnn.cli.options import Parser
from active_cnn.cli.output import complain
from active_cnn.cli.serving import add_serve
from active_cnn.cli.simulation import add_simulate
from active_cnn.cli.spectra import add_ingest, add_predict
from active_cnn.cli.training import add_train
from active_cnn.errors import ActiveCnnError, what_is_lacking

# In the order of the help.
_COMMANDS = (
    add_demo, add_ingest, add_create, add_train, add_predict, add_next, add_status, add_export,
    add_report, add_backup, add_restore, add_answers, add_simulate, add_serve,
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit: 0 = done, 1 = refused or failed, 2 = not understood."""
    # A reader that closes the pipe early, such as `head`, is no error.
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # Names of files are bytes: what no terminal can show is no reason to fail.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        options = _build_parser().parse_args(arguments)
        options.run(options)
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


def _build_parser() -> Parser:
    parser = Parser(
        prog="active-cnn",
        description="Find rare objects in huge spectroscopic surveys with active deep learning.",
    )
    parser.add_argument("--version", action="version", version=f"active-cnn {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in _COMMANDS:
        add(commands)
    return parser
