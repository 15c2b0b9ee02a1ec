"""Doing something in one process at a time, without waiting: whoever comes second goes away.

The mark is held by the operating system or by PostgreSQL for as long as its holder lives, so a process that is killed
leaves none behind. It saves work done twice; what must never happen twice is guarded where it is written.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from service.store.transaction import Store

TURN = 0x7012  # any number that is ours


@contextmanager
def alone(store: Store) -> Iterator[bool]:
    """Yield whether this process is the only one inside such a block over this database."""
    if store.embedded:
        file = Path(f"{store.writers.url.database}-turn")
        with file.open("w") as held:
            yield _locked(held.fileno())
        return
    # Of the session, not of a transaction: one that stands still while a letter is sent would be ended by the server.
    with store.readers.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        yield bool(db.execute(text("SELECT pg_try_advisory_lock(:turn)"), {"turn": TURN}).scalar_one())


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
