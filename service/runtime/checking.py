"""Checking what somebody sent, in a process of its own with a limit on time and memory.

Promises: whatever the files hold, the caller gets findings within the limits and goes on working. A check that takes
too long, too much memory, or ends without an answer becomes one finding that says so, which refuses a deployment.

The process is started once, kept warm, handed no secrets, and replaced when a check has cost it much. The two speak
one line of JSON each way; what comes back is read as data and never trusted to be findings.
"""

import atexit
import json
import logging
import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from threading import Lock, Timer
from typing import IO, Any

import service
from service.core.gate.finding import Finding, Level

log = logging.getLogger(__name__)

LONGEST_ANSWER = 16_000_000
LONGEST_START = 60
PATIENCE = 4
MEND = "Check fewer or simpler files at a time; if that does not help, ask the people who look after the service."
ROOM = (sys.executable, "-P", "-m", "service.runtime.check_room")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one check may take: seconds of the processor's time, megabytes of memory.

    By the clock on the wall it may take ``PATIENCE`` times as long: on a busy machine it waits for its turn.
    """

    seconds: float = 10
    megabytes: int = 512


UPLOAD = Limits()


class NoAnswer(Exception):
    """The check did not come to an end; the message says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Room:
    """The process checks are made in, and the limits it was started with."""

    process: subprocess.Popen[bytes]
    limits: Limits

    def ask(self, files: Mapping[str, str | bytes]) -> tuple[list[Finding], bool]:
        """Return the findings, and whether the room may be used again. Raises ``NoAnswer``."""
        sent = {path: content if isinstance(content, str) else _bytes(content) for path, content in files.items()}
        answer = self._exchange(json.dumps(sent).encode() + b"\n", self.limits.seconds * PATIENCE)
        if not _whole(answer):
            raise NoAnswer(_because(str(answer.get("failed")), self.limits))
        return [_finding(row) for row in answer["findings"]], answer["again"] is True

    def ready(self) -> Sequence[str]:
        """Wait until it can work; return which limits hold on this machine. Raises ``NoAnswer``."""
        return [str(limit) for limit in self._exchange(b"", LONGEST_START).get("limits", ())]

    def close(self) -> None:
        """End the process, and wait until it is gone."""
        self.process.kill()
        self.process.communicate()

    def _exchange(self, line: bytes, seconds: float) -> dict[str, Any]:
        late = Timer(seconds, self.process.kill)
        late.start()
        try:
            _write(self.process.stdin, line)
            return _read(self.process.stdout)
        except (OSError, ValueError, TypeError, RecursionError) as none:
            raise NoAnswer(_because("time" if self._took_too_long(late) else "", self.limits)) from none
        finally:
            late.cancel()

    def _took_too_long(self, late: Timer) -> bool:
        """Whether it was ended by the clock on the wall, or by the system for the processor's time it had used."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        return not late.is_alive() or self.process.returncode == -signal.SIGXCPU


_lock = Lock()
_kept: dict[int, Room] = {}


def check(files: Mapping[str, str | bytes], limits: Limits = UPLOAD) -> list[Finding]:
    """Return what the gate finds in ``files`` (path to content), or the one finding that it could not be found out."""
    with _lock:
        return ask(files, limits, _kept, ROOM)


def ask(
    files: Mapping[str, str | bytes], limits: Limits, kept: dict[int, Room], command: Sequence[str]
) -> list[Finding]:
    """Check in the room ``kept`` for this process, or in a new one that is then kept there.

    A room belongs to the process that opened it: after a fork both would hear the same answers.
    """
    held, room = kept.pop(os.getpid(), None), None
    try:
        room = _usable(held, limits) or _open(limits, command)
        found, again = room.ask(files)
    except NoAnswer as reason:
        message = f"These files could not be checked: {reason}"
        found, again = [Finding("", None, None, "error", "not-checked", message, MEND)], False
    if room is not None and again:
        kept[os.getpid()] = room
    else:
        _end(room)
    return found


def _usable(room: Room | None, limits: Limits) -> Room | None:
    if room is None or (room.limits == limits and room.process.poll() is None):
        return room
    room.close()
    return None


def _end(room: Room | None) -> None:
    if room is not None:
        room.close()


def _open(limits: Limits, command: Sequence[str]) -> Room:
    # Nothing of the service's own environment goes in: it may hold the database's password.
    home = {"PYTHONPATH": str(Path(service.__file__).parents[1]), "PATH": os.defpath}
    try:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, str(limits.seconds), str(limits.megabytes)], env=home, cwd="/",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as none:
        raise NoAnswer(_because("", limits)) from none
    room = Room(process, limits)
    try:
        missing = {"processor", "memory", "files"} - set(room.ready())
    except NoAnswer:
        room.close()
        raise
    if missing:
        log.warning("Checks of diagrams run without some limits here", extra={"action": "check_limits_missing"})
    return room


def _write(to: IO[bytes] | None, line: bytes) -> None:
    if to is not None and line:
        to.write(line)
        to.flush()


def _read(source: IO[bytes] | None) -> dict[str, Any]:
    line = source.readline(LONGEST_ANSWER) if source is not None else b""
    answer = json.loads(line)
    if not isinstance(answer, dict):
        raise TypeError("an answer is a JSON object")
    return answer


def _whole(answer: dict[str, Any]) -> bool:
    rows = answer.get("findings")
    names = {f.name for f in fields(Finding)}
    return "again" in answer and isinstance(rows, list) and all(isinstance(r, dict) and set(r) == names for r in rows)


def _finding(row: dict[str, Any]) -> Finding:
    level: Level = "warning" if row["level"] == "warning" else "error"
    line = row["line"] if isinstance(row["line"], int) else None
    element = None if row["element"] is None else str(row["element"])
    return Finding(str(row["file"]), line, element, level, str(row["rule"]), str(row["message"]), str(row["mend"]))


def _bytes(content: bytes) -> dict[str, str]:
    return {"base64": b64encode(content).decode()}


def _because(failed: str, limits: Limits) -> str:
    return {
        "time": f"it takes longer than {limits.seconds:g} seconds.",
        "memory": f"it takes more than {limits.megabytes} MB of memory.",
    }.get(failed, "the check ended without an answer.")


@atexit.register
def close() -> None:
    """End the room of this process, if it has one."""
    _end(_kept.pop(os.getpid(), None))
