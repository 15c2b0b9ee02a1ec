"""Which failures of a database pass by themselves: it is away, busy or full, and the same request may succeed later.

Everything else is a fault of ours or of the database's contents; waiting mends none of it.
"""

import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

PASSING_CLASSES = ("08", "53", "57", "58")
"""SQLSTATE classes of PostgreSQL: connection lost, out of resources (disk full), an operator's doing, the machine's."""
PASSING_STATES = frozenset({"55P03", "40001", "40P01", "25006", "25P03", "25P04"})
"""Lock not had in time, serialization failure, deadlock, read-only for now, stood still for too long."""
PASSING_SQLITE = frozenset({
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT,
})  # fmt: skip


def will_pass(failure: BaseException) -> bool:
    """Whether ``failure`` says that the database is away, busy or full, on either kind of database."""
    if isinstance(failure, PoolTimeout):
        return True
    if not isinstance(failure, DBAPIError):
        return False
    if failure.connection_invalidated:
        return True
    code = getattr(failure.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in PASSING_SQLITE  # the upper bits say more precisely what happened
    return _passes_on_postgresql(failure)


def _passes_on_postgresql(failure: DBAPIError) -> bool:
    state = getattr(failure.orig, "sqlstate", None)
    if state is None:  # never reached the server, or lost it: libpq has no code for that
        return type(failure).__name__ in {"OperationalError", "InterfaceError"}
    return state in PASSING_STATES or state.startswith(PASSING_CLASSES)

