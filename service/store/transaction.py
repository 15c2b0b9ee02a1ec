"""The one transaction, and the only place in the service that commits.

Promises: everything a use case writes is kept together or not at all; on SQLite a writer takes its lock when it
begins (so two writers queue and neither fails), on PostgreSQL the instance's row is the lock; readers never block.
A connection on which settings are in force that would lose what was acknowledged is never used: ``SettingsRefused``.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, PoolResetState, create_engine, event, func, make_url, select, text, true
from sqlalchemy.engine.interfaces import IsolationLevel

from service.core.engine.state_seal import StateKeys
from service.core.errors import ReadingOnly
from service.settings import SettingsRefused
from service.store.durability import POSTGRESQL_ASKS, options, postgresql_faults, sqlite_faults
from service.store.keepable import refuse_what_cannot_be_kept

WAIT_SECONDS = 15
"""How long a writer waits for another one on SQLite."""
NO_FILE = (
    "CASEWORK_DATABASE_URL names no plain file, so nothing would be kept safely. "
    "Write sqlite:/// and the path of a file, with nothing after it."
)
ALIVE = {
    "connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}  # fmt: skip
"""libpq: give up on a server that has vanished without a word; seconds, the last one milliseconds."""


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
    Raises ``SettingsRefused`` if it can only be a database that keeps nothing.
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
        if not parsed.database or parsed.database == ":memory:" or parsed.query:
            raise SettingsRefused(NO_FILE)
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
    """A connection for reading one consistent picture; whatever is done through it is undone.

    Inside ``reading_for`` PostgreSQL itself gives only the rows that this person may know of.
    """
    with store.readers.connect() as db:
        person = _READER.get()
        if person is not None and not store.embedded:
            _bind(db, *person)
        yield db


PERSON = "casework_person"
"""The role of PostgreSQL that rows are kept back from; made by a migration, used for one transaction at a time."""
_READER: ContextVar[tuple[str, datetime] | None] = ContextVar("reader", default=None)


def reading_for(account_id: str, at: datetime) -> Callable[[], None]:
    """From now on, in this context, reading is done for a person at an instant; call what is returned to end it."""
    before = _READER.set((account_id, at))
    return lambda: _READER.reset(before)


def _bind(db: Connection, account_id: str, at: datetime) -> None:
    """Make the transaction the person's: local settings, gone with its end, so that nobody else finds them."""
    if "person" not in db.info:
        role = text("SELECT count(*) FROM pg_roles WHERE rolname = :role AND pg_has_role(oid, 'MEMBER')")
        db.info["person"] = bool(db.execute(role, {"role": PERSON}).scalar_one())
    if db.info["person"]:
        settings = {"casework.account": account_id, "casework.at": at.isoformat(), "role": PERSON}
        db.execute(select(*(func.set_config(name, value, true()) for name, value in settings.items())))


def close_for_steps(store: Store) -> None:
    """Let no step be taken through a store from now on. What is beside the cases, such as signing in, goes on."""
    store.writers.update_execution_options(reading_only=True)


def require_open_for_steps(db: Connection) -> None:
    """Raise ``ReadingOnly`` behind a store that was closed for steps."""
    if db.get_execution_options().get("reading_only"):
        raise ReadingOnly


def sole(db: Connection, work: int) -> bool:
    """Whether this transaction is the only one doing ``work``, a number, until it ends; never waits.

    SQLite's writers queue for the whole database anyway, so there it always is.
    """
    if db.dialect.name == "sqlite":
        return True
    return bool(db.execute(select(func.pg_try_advisory_xact_lock(work))).scalar_one())


def _sqlite(url: URL, begin: str) -> Engine:
    # Never made by opening it: were the file lost, an empty one would be served in its place.
    name = f"file:{quote(str(Path(str(url.database)).absolute()))}?mode=rw"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(name, uri=True, timeout=WAIT_SECONDS, check_same_thread=False)

    engine = create_engine(url, creator=connect, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we begin ourselves: pysqlite would read outside the transaction
        connection.execute("PRAGMA journal_mode=WAL")
        _as_new_sqlite(connection)
        in_force = {
            name: connection.execute(f"PRAGMA {pragma}").fetchone()[0]
            for name, pragma in (("journal", "journal_mode"), *((n, n) for n in ("synchronous", "foreign_keys")))
        }
        compiled = (row[0] for row in connection.execute("PRAGMA compile_options"))
        faults = sqlite_faults(version=sqlite3.sqlite_version_info, compiled=compiled, **in_force)
        _refuse(connection, faults)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "before_cursor_execute", _judge)
    event.listen(engine, "reset", _cleaned(_as_new_sqlite))
    return engine


def _as_new_sqlite(connection: sqlite3.Connection) -> None:
    """Make a connection as it was when it was new: nobody finds what the last user of it left."""
    connection.rollback()
    connection.execute("PRAGMA synchronous=FULL")  # NORMAL could lose an acknowledged step when the power fails
    connection.execute("PRAGMA foreign_keys=ON")  # SQLite checks none unless told to, on each connection
    connection.execute("PRAGMA query_only=OFF")
    left = "SELECT type, name FROM temp.sqlite_master WHERE type IN ('table', 'view')"
    for kind, name in connection.execute(left).fetchall():
        connection.execute(f'DROP {kind} temp."{name}"')


def _postgresql(url: URL, isolation: IsolationLevel) -> Engine:
    given = " ".join(url.normalized_query.get("options", ()))  # kept, and ours after them: the later one counts
    # Parameters are what people wrote: a failure's text goes to the logs, and they must not go with it.
    engine = create_engine(
        url, pool_pre_ping=True, isolation_level=isolation, hide_parameters=True,
        connect_args={**ALIVE, "options": f"{given} {options()}".strip()},
    )  # fmt: skip

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: object) -> None:
        found = dict(connection.execute(POSTGRESQL_ASKS).fetchall())
        connection.rollback()
        _refuse(connection, postgresql_faults(found))

    event.listen(engine, "before_cursor_execute", _judge)
    event.listen(engine, "reset", _cleaned(_as_new_postgresql))
    return engine


def _as_new_postgresql(connection: Any) -> None:
    """The same; what ``SET`` said, temporary tables and advisory locks outlive a rollback."""
    connection.rollback()
    connection.autocommit = True
    connection.execute("RESET ALL; DISCARD TEMP; SELECT pg_advisory_unlock_all()")
    connection.autocommit = False


def _cleaned(clean: Callable[[Any], None]) -> Callable[[Any, Any, PoolResetState], None]:
    def reset(connection: Any, _record: object, state: PoolResetState) -> None:
        if not state.terminate_only:
            clean(connection)

    return reset


def _refuse(connection: Any, faults: list[str]) -> None:
    if faults:
        connection.close()
        raise SettingsRefused("\n".join(faults))


def _judge(_db: Connection, _cursor: Any, _sql: str, _given: Any, context: Any, _many: bool) -> None:  # noqa: FBT001 - SQLAlchemy's signature
    refuse_what_cannot_be_kept(context)
