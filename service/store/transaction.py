"""The one transaction, and the only place in the service that commits.

Promises: everything a use case writes is kept together or not at all; on SQLite a writer takes its lock when it
begins (so two writers queue and neither fails), on PostgreSQL the instance's row is the lock; readers never block.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine.interfaces import IsolationLevel

from service.core.engine.state_seal import StateKeys


@dataclass(frozen=True, slots=True)
class Store:
    """A database, as writers and as readers meet it."""

    writers: Engine
    readers: Engine

    @property
    def embedded(self) -> bool:
        """Whether this is the embedded SQLite database."""
        return self.writers.dialect.name == "sqlite"


def open_store(url: str, keys: StateKeys | None = None) -> Store:
    """Return the store at an SQLAlchemy URL (``sqlite:///…`` or ``postgresql+psycopg://…``).

    ``keys`` seal the states of cases: without them a store can be migrated and read, but no case be taken up.
    """
    store = _open(make_url(url.replace("postgresql://", "postgresql+psycopg://", 1)))
    for engine in (store.writers, store.readers):
        engine.update_execution_options(state_keys=keys)
    return store


def state_keys(db: Connection) -> StateKeys:
    """The keys the states behind a connection are sealed with. Raises ``RuntimeError`` for a store without any."""
    keys: StateKeys | None = db.get_execution_options().get("state_keys")
    if keys is None:
        raise RuntimeError("this store was opened without the keys of its states")
    return keys


def _open(parsed: URL) -> Store:
    if parsed.get_backend_name() == "sqlite":
        return Store(_sqlite(parsed, "BEGIN IMMEDIATE"), _sqlite(parsed, "BEGIN"))
    # Left alone, PostgreSQL takes a new picture for every statement: a page would set a state beside other steps.
    return Store(_postgresql(parsed, "READ COMMITTED"), _postgresql(parsed, "REPEATABLE READ"))


@contextmanager
def transaction(store: Store) -> Iterator[Connection]:
    """Everything written through the connection is kept when the block ends well, and nothing of it otherwise."""
    with store.writers.connect() as db:
        yield db  # an exception passes by the commit; closing the connection then undoes everything
        db.commit()


@contextmanager
def reading(store: Store) -> Iterator[Connection]:
    """A connection for reading one consistent picture; whatever is done through it is undone."""
    with store.readers.connect() as db:
        yield db


def alone(db: Connection, work: int) -> bool:
    """Whether this transaction is the only one doing ``work``, a number, until it ends; never waits.

    SQLite's writers queue for the whole database anyway, so there it always is.
    """
    if db.dialect.name == "sqlite":
        return True
    return bool(db.execute(select(func.pg_try_advisory_xact_lock(work))).scalar_one())


def _sqlite(url: URL, begin: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 15}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we begin ourselves: pysqlite would read outside the transaction
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # NORMAL could lose an acknowledged step when the power fails
        connection.execute("PRAGMA foreign_keys=ON")  # SQLite checks none unless told to, on each connection

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgresql(url: URL, isolation: IsolationLevel) -> Engine:
    settings = "-c lock_timeout=5s -c statement_timeout=15s -c idle_in_transaction_session_timeout=10s -c timezone=UTC"
    # Parameters are what people wrote: a failure's text goes to the logs, and they must not go with it.
    return create_engine(
        url, pool_pre_ping=True, connect_args={"options": settings}, isolation_level=isolation, hide_parameters=True
    )
