"""Faults inside a working process, armed through SQLAlchemy's own events: the service has no hook for them.

A fault is a kind and a number that places it. Armed for one order it strikes at most once; some never get the chance
(the order ended before the n-th statement), so whoever armed one asks whether it struck.
"""

import os
import random
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event, text

from service.store.transaction import Store

NEARLY_DONE = 0.012  # seconds: the longest that a step of the small definition spends in the engine


class Crash(Exception):
    """An end of a request that nothing in the service foresees."""


@dataclass(frozen=True)
class Fault:
    """What shall happen, and where: ``number`` counts statements, or is thousandths of the way through the engine."""

    kind: str
    number: int


INSIDE = ("crash", "killed at a statement", "killed in the engine", "killed before commit", "killed after commit")
SQLITE_ONLY = ("disk full", "write error")


def drawn(kind: str, chance: random.Random) -> Fault:
    """A fault of a kind at a place of chance."""
    return Fault(kind, chance.randint(1, 1000 if kind == "killed in the engine" else 24))


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def armed(store: Store, fault: Fault | None) -> Iterator[None]:
    """Let ``fault`` strike while the block works."""
    if fault is None:
        yield
        return
    with _ARMING[fault.kind](store, fault.number):
        yield


@contextmanager
def _at_a_statement(store: Store, number: int, strike: Any) -> Iterator[None]:
    left = [number]

    def count(*_args: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            strike()

    with _heard(store, "before_cursor_execute", count):
        yield


def _crash(store: Store, number: int) -> Any:
    def strike() -> None:
        raise Crash

    return _at_a_statement(store, number, strike)


def _killed_at(store: Store, number: int) -> Any:
    return _at_a_statement(store, number, die)


@contextmanager
def _in_the_engine(store: Store, number: int) -> Iterator[None]:
    """The last thing read before the engine works is the hash its state must have."""

    def start(*args: Any) -> None:
        if "state_hash" in args[2] and args[2].startswith("SELECT"):
            signal.setitimer(signal.ITIMER_REAL, NEARLY_DONE * number / 1000)

    before = signal.signal(signal.SIGALRM, lambda *_: die())
    try:
        with _heard(store, "after_cursor_execute", start):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _before_commit(store: Store, _number: int) -> Any:
    return _heard(store, "commit", lambda _connection: die())


@contextmanager
def _after_commit(store: Store, _number: int) -> Iterator[None]:
    committed = []

    def given_back(*_args: object) -> None:
        if committed:
            die()

    with _heard(store, "commit", committed.append), _heard(store, "reset", given_back):
        yield


@contextmanager
def _disk_full(store: Store, _number: int) -> Iterator[None]:
    """SQLite may not add a single page: what it answers is what it answers on a full disk."""

    def full(connection: Any) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    try:
        with _heard(store, "begin", full):
            yield
    finally:
        with store.writers.connect() as db:
            db.execute(text("PRAGMA max_page_count=1073741823"))


@contextmanager
def _write_error(_store: Store, number: int) -> Iterator[None]:
    """The system refuses every write beyond a place in a file: the log fails in the middle of a transaction."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (number * 4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def _heard(store: Store, name: str, hear: Any) -> Iterator[None]:
    event.listen(store.writers, name, hear)
    try:
        yield
    finally:
        event.remove(store.writers, name, hear)


_ARMING: dict[str, Any] = {
    "crash": _crash,
    "killed at a statement": _killed_at,
    "killed in the engine": _in_the_engine,
    "killed before commit": _before_commit,
    "killed after commit": _after_commit,
    "disk full": _disk_full,
    "write error": _write_error,
}
