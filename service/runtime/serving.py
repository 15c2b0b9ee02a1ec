"""Starting and ending the service's own processes: the web server and the worker.

Only processes started here are ended here, by their id. If one ends by itself, the other is ended too and the whole
says so, so that whatever watches it can start it again.
"""

import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from rich.console import Console

from service.core.errors import NothingToDo
from service.runtime import practice
from service.runtime.service import Service
from service.settings import Settings, SettingsRefused
from service.store.schema import migrate

GRACE_SECONDS = 10
LOOK_SECONDS = 0.2


def prepare(service: Service, files: Mapping[str, str], out: Console) -> None:
    """Migrate, deploy ``files`` if this exact version is not deployed yet, and fill a practice site."""
    out.print("Bringing the database up to date …")
    migrate(service.store)
    try:
        row = service.deployments.deploy(None, files, "As installed")
        out.print(f"Deployed version {row.version} of the process.")
    except NothingToDo:
        out.print("The process is deployed already.")
    if service.settings.practice:
        out.print(f"Practice accounts: {practice.add_accounts(service)} added.")
        with service.read() as db:
            stories = practice.scenarios(service.definitions.current(db))
        for story in stories:
            done = practice.load_case(service, story)
            out.print(f"Practice case {done.code or '–'}: {done.problem or done.name}", markup=False)


def practice_key(folder: Path) -> str:
    """The key a practice site signs its forms with: made once, so that open pages survive a restart.

    Raises ``SettingsRefused`` where it can be neither kept nor read.
    """
    try:
        return _practice_key(folder)
    except OSError as failure:
        raise SettingsRefused(
            f"The folder {folder} cannot be written to. Give the service's own user the right to, "
            "or set CASEWORK_DATA_FOLDER to another folder."
        ) from failure


def _practice_key(folder: Path) -> str:
    kept = folder / "practice.key"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Written beside and moved: ended in between, a half-written key would be taken for the key.
        fresh = kept.with_suffix(".new")
        fresh.touch(0o600)
        fresh.write_text(secrets.token_hex(32))
        fresh.replace(kept)
    return kept.read_text().strip()


def require_free_port(settings: Settings) -> None:
    """Raise ``SettingsRefused`` while another program has the port: said before any work is done."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as taken:
            raise SettingsRefused(
                f"Port {settings.port} on {settings.host} is in use. End what uses it, or set CASEWORK_PORT to another."
            ) from taken


def serve(settings: Settings, environ: Mapping[str, str], out: Console) -> int:
    """Serve until interrupted and return the exit code: 0 when asked to stop, 1 when a process ended by itself."""
    started = [subprocess.Popen(command, env=dict(environ)) for command in _commands(settings)]  # noqa: S603
    asked: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    out.print(f"Serving on http://{settings.host}:{settings.port} – Ctrl-C ends it.")
    while not asked and all(p.poll() is None for p in started):
        time.sleep(LOOK_SECONDS)
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in started:
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    if not asked:
        out.print("A part of the service ended by itself; the rest has been stopped.")
    return 0 if asked else 1


def _commands(settings: Settings) -> list[list[str]]:
    address = f"{settings.host}:{settings.port}"
    # Sync workers: a request that hangs is ended after its time; a threaded worker would keep it for ever.
    web = [
        *(sys.executable, "-m", "gunicorn", "service.app:from_environment()", "--bind", address),
        *("--workers", str(settings.web_processes), "--worker-class", "sync", "--timeout", "30"),
        *("--no-control-socket", "--log-level", "warning"),
    ]
    return [web, [sys.executable, "-m", "service.cli", "worker"]]
