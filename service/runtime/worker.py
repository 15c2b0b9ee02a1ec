"""The worker: Huey calls the sweeps and the sealing at its start and once a minute.

Huey only carries the turns; what is due is in our tables, so a lost turn is lateness and never loss. Embedded, Huey
keeps its queue in a file of its own; with PostgreSQL, in the same database. Of several workers one takes a turn at a
time. A turn that fails ends; the next one begins from what is due then.
"""

import logging
import sqlite3
from pathlib import Path

import psycopg
from huey import Huey, PostgresHuey, SqliteHuey, crontab
from huey.consumer import Consumer
from sqlalchemy.exc import SQLAlchemyError

from service.runtime import sealing, story_runs, witnesses
from service.runtime.service import Service
from service.store.alone import alone
from service.store.outages import will_pass

log = logging.getLogger(__name__)

GRACE_SECONDS = 5
"""How long a turn may go on after the worker was asked to stop; what it has not done by then the next start does."""


def queue_of(service: Service) -> Huey:
    """The queue for a service's store."""
    if not service.store.embedded:
        dsn = service.store.writers.url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            return PostgresHuey("casework", dsn=dsn)
        except psycopg.errors.UniqueViolation:  # another worker made its tables in the same instant; now they are there
            return PostgresHuey("casework", dsn=dsn)
    folder = service.settings.data_folder
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _embedded(folder)
    except sqlite3.DatabaseError as damaged:
        if isinstance(damaged, sqlite3.OperationalError):
            raise
        for part in folder.glob("queue.db*"):  # it holds nothing that our tables do not know
            part.unlink()
        return _embedded(folder)


def _embedded(folder: Path) -> Huey:
    return SqliteHuey("casework", filename=str(folder / "queue.db"), fsync=True)


def install(queue: Huey, service: Service) -> None:
    """Register the worker's jobs on a queue."""

    def turn() -> None:
        try:
            with alone(service.store) as only:
                if only:
                    service.sweeper.sweep()
                    service.sweeper.post()
                    sealing.turn(service)
                    story_runs.turn(service)
        except SQLAlchemyError as failure:
            if not will_pass(failure):
                raise
            log.warning("The database was away; the next turn tries again")

    queue.periodic_task(crontab(minute="*"), name="turn")(turn)


def run(service: Service) -> None:
    """Work until told to stop; whatever is being done then may be finished, within ``GRACE_SECONDS``.

    Raises ``OtherDatabase`` over one that a checkpoint contradicts.
    """
    witnesses.require_whole(service)
    queue = queue_of(service)
    install(queue, service)
    # Its scheduler begins with a turn. A supervisor stops with SIGTERM, which Huey by itself takes for "at once".
    consumer = Consumer(queue, workers=1, periodic=True, graceful_signal="TERM", shutdown_timeout=GRACE_SECONDS)
    consumer.run()
