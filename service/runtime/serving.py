"""Starting and ending the service's own processes: the web server and the worker.

Only processes started here are ended here, by their id. If one ends by itself, the other is ended too and the whole
says so, so that whatever watches it can start it again.
"""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from types import FrameType

from rich.console import Console

from service.core.errors import NothingToDo
from service.runtime import practice, reading_only, state_keys, state_migration, witnesses
from service.runtime.service import Service
from service.settings import Settings, SettingsRefused

GRACE_SECONDS = 10
LOOK_SECONDS = 0.2


def prepare(service: Service, files: Mapping[str, str], out: Console) -> bool:
    """Migrate, deploy ``files`` if this exact version is not deployed yet, and fill a practice site.

    Returns whether the database can be worked in; over one that a checkpoint contradicts nothing is deployed.
    """
    out.print("Bringing the database up to date …")
    if sealed := state_migration.bring_up_to_date(service.store):
        out.print(f"Sealed {sealed} cases of the release before.")
    if unfit := state_keys.require_fitting(service.store):
        out.print(f"{unfit} cases cannot be opened with the state key: set CASEWORK_STATE_KEY_PREVIOUS.")
    if not _whole(service, out):
        return False
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
    return True


def _whole(service: Service, out: Console) -> bool:
    """Whether no checkpoint contradicts the database; a practice site says so and goes on."""
    if service.settings.practice:
        try:
            witnesses.require_whole(service)
        except witnesses.OtherDatabase as other:
            out.print(str(other), markup=False)
            kept = witnesses.accept_restore(service, "A practice site was begun anew")
            out.print(f"A practice site goes on, and {kept.name} says so.")
        return True
    why = reading_only.look(service)
    if why is not None:
        out.print(f"{why}\nUntil then the service can only be read.", markup=False, style="red")
    return why is None


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


def serve(settings: Settings, environ: Mapping[str, str], out: Console, *, working: bool = True) -> int:
    """Serve until interrupted and return the exit code: 0 when asked to stop, 1 when a process ended by itself.

    ``working`` is false over a database that can only be read: then there are pages and no worker.
    """
    wanted = _commands(settings)[: None if working else 1]
    started = [subprocess.Popen(command, env=dict(environ)) for command in wanted]  # noqa: S603
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
        *("--workers", str(settings.web_processes), "--worker-class", "sync", "--timeout", "60"),
        *("--no-control-socket", "--log-level", "warning"),
    ]
    return [web, [sys.executable, "-m", "service.cli", "worker"]]
