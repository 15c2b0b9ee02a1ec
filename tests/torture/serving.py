"""The whole service in processes of its own on loopback, the way it is started in earnest, and ways to lose it."""

import http.client
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil

from service.runtime.serving import _commands
from service.settings import Settings
from tree import ROOT

STARTS_WITHIN = 120  # seconds


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """Web server and worker over a database, each the leader of its own group of processes."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.settings = Settings(database_url=url, data_folder=folder / "data", secret_key="s" * 40, port=self.port)
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start it and wait until it answers."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CASEWORK_")}
        environ |= {
            "CASEWORK_DATABASE_URL": self.settings.url, "CASEWORK_DATA_FOLDER": str(self.settings.data_folder),
            "CASEWORK_SECRET_KEY": self.settings.secret_key, "CASEWORK_STATE_KEY": self.settings.secret_key,
            "CASEWORK_PORT": str(self.port),
        }  # fmt: skip
        with (self.folder / "server.log").open("ab") as log:
            self.processes = [
                subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log, start_new_session=True)
                for command in _commands(self.settings)
            ]
        deadline = time.monotonic() + STARTS_WITHIN
        while not self.answers():
            if time.monotonic() > deadline or self.processes[0].poll() is not None:
                raise AssertionError(f"the server did not start:\n{self.log()}")
            time.sleep(0.1)

    def answers(self) -> bool:
        """Whether a page can be had."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.request("GET", "/sign-in")
            return connection.getresponse().status < 500
        except OSError:
            return False

    def log(self) -> str:
        """The end of what it said."""
        return (self.folder / "server.log").read_text(errors="replace")[-3000:]

    def kill(self) -> None:
        """End every one of its processes at once, without a chance to tidy up."""
        for process in self.processes:
            os.killpg(process.pid, signal.SIGKILL)
        for process in self.processes:
            process.wait()

    def kill_a_web_process(self) -> bool:
        """End one of the processes that serve pages; the master makes another."""
        children = psutil.Process(self.processes[0].pid).children()
        if children:
            children[0].kill()
        return bool(children)
