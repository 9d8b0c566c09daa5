"""The command `serve`."""

from __future__ import annotations

import argparse

from active_cnn import serve
from active_cnn.cli.options import Commands, add_command, add_home, path
from active_cnn.cli.output import say


def add_serve(commands: Commands) -> None:
    """Add the command that starts the dashboard."""
    command = add_command(commands, "serve", _serve, "start the dashboard")
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
        type=path,
        metavar="FILE.toml",
        help="the team's password or its OIDC login (default: .streamlit/secrets.toml)",
    )
    command.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name that browsers may call it by, such as that of a reverse proxy; may "
        "come more than once",
    )


def _serve(options: argparse.Namespace) -> None:
    plan = serve.plan_start(
        options.home,
        options.address,
        options.port,
        options.secrets,
        allowed_hosts=options.allowed_host,
    )
    serve.require_free(options.address, options.port)
    say(plan.announcement)
    serve.start(plan)
