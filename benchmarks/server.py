"""A Streamlit server of its own on this machine."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
APP = Path(__file__).resolve().parents[1] / "app.py"


def free_port() -> int:
    """Return a TCP port that nobody listens to."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        return free.getsockname()[1]


class ServerError(Exception):
    """The server did not come up."""


class StreamlitServer:
    """Serve a script from entering the context until leaving it.

    Parameters
    ----------
    script : Path
        The script; its ``pages/`` folder, when there is one, is served as well.
    folder : Path, optional
        Working directory, whose ``.streamlit/config.toml`` counts; that of the script if left out.
    environment : mapping, optional
        Environment variables in addition to those of this process.
    options : sequence of str
        Further options of ``streamlit run``.
    patience : float
        How long a start may take [s].
    """

    def __init__(
        self,
        script: Path,
        *,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        patience: float = 120.0,
    ) -> None:
        self.script = script.resolve()
        self.folder = folder or self.script.parent
        self.environment = dict(environment or {})
        self.options = tuple(options)
        self.patience = patience
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def _command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "streamlit", "run", str(self.script)),
            *("--server.address", HOST, "--server.port", str(self.port)),
            *("--server.headless", "true", "--server.fileWatcherType", "none"),
            *("--browser.gatherUsageStats", "false"),
            *self.options,
        ]

    @property
    def url(self) -> str:
        """Where the app is."""
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The server's process, to measure its memory or its processor time."""
        return self._process.pid if self._process else None

    @property
    def log(self) -> str:
        """What the server has printed so far."""
        self._log.flush()
        return Path(self._log.name).read_text(errors="replace")

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises
        ------
        ServerError
            If it does not answer in time; the end of its log is in the text.
        """
        self._log = tempfile.NamedTemporaryFile(prefix="streamlit-", suffix=".log")  # noqa: SIM115
        self._process = subprocess.Popen(
            self._command(),
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                    return
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        end = self.log[-2000:]
        self.stop()
        raise ServerError(
            f"The server of {self.script} did not answer at {self.url} in {self.patience:g} s. "
            f"Its log must tell why; it ends:\n{end}"
        )

    def stop(self) -> None:
        """End the server."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._forget()

    def kill(self) -> None:
        """End the server at once, whatever it is doing; `start` serves the same address again."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget()

    def _forget(self) -> None:
        self._process = None
        self._log.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class DashboardServer(StreamlitServer):
    """Serve our dashboard on a home as `active-cnn serve` does.

    Parameters
    ----------
    home : Path
        Folder of the campaigns.
    environment : mapping, optional
        Environment variables in addition to those of this process.
    """

    def __init__(self, home: Path, *, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(APP, environment={**(environment or {}), "ACTIVE_CNN_HOME": str(home)})

    def _command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "active_cnn.ui.server"),
            *("--server.address", HOST, "--server.port", str(self.port)),
        ]
