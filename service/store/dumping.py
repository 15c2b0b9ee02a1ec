"""Every row of a database as a line of JSON, and back: the same line whichever kind of database it lies in.

Promises: a table is read in the picture of the connection it is read through, so all tables read through one
connection fit each other; what is loaded from lines gives those lines again. Columns are what the database says they
are, not what this release expects, so a database of an earlier schema is read and filled alike.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Column, Connection, DateTime, MetaData, Table, func, insert, inspect, select, text, true

from service.store.tables import Instant

AT_ONCE = 500
WHOLE = 2**256
VERSIONS = "alembic_version"
KINDS = {str: "text", int: "integer", bool: "boolean", bytes: "bytes"}
"""How a column's values are told in a line; a column of any other type is refused."""


@dataclass(slots=True)
class Tally:
    """Which rows were seen, whatever their order: how many, and the sum of their lines' hashes."""

    rows: int = 0
    total: int = field(default=0, repr=False)

    def add(self, line: bytes) -> None:
        """Count a line, without its line break."""
        self.rows += 1
        self.total = (self.total + int.from_bytes(hashlib.sha256(line).digest())) % WHOLE

    @property
    def sum(self) -> str:
        """The sum as hexadecimal digits: two tables hold the same rows exactly when it is the same."""
        return f"{self.total:064x}"


def names(db: Connection) -> set[str]:
    """The tables of a database, but for the one that holds the number of its schema."""
    return set(inspect(db).get_table_names()) - {VERSIONS}


def tables(db: Connection, wanted: Iterable[str]) -> list[Table]:
    """The tables of these names as the database has them, each after those it refers to."""
    found = MetaData()
    found.reflect(db, only=list(wanted))
    for table in found.tables.values():
        for column in table.c:
            if isinstance(column.type, DateTime):
                column.type = Instant()
    return [table for table in found.sorted_tables if table.name != VERSIONS]


def columns(table: Table) -> list[list[str]]:
    """Each column's name and kind, in the order of a line."""
    return [[column.name, _kind(column)] for column in table.c]


def unhurried(db: Connection) -> None:
    """Let what reads or fills a whole database take its time on PostgreSQL: until this transaction ends."""
    if db.dialect.name != "sqlite":
        for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            db.execute(select(func.set_config(limit, "0", true())))


def lines(db: Connection, table: Table) -> Iterator[bytes]:
    """Every row as a line without its line break, in the order of the primary key; read in small portions."""
    wanted = select(table).order_by(*table.primary_key.columns)
    kinds = [kind for _, kind in columns(table)]
    for row in db.execute(wanted, execution_options={"yield_per": AT_ONCE}):
        told = [_told(kind, value) for kind, value in zip(kinds, row, strict=True)]
        yield json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def read(line: bytes, kinds: Sequence[str]) -> list[Any]:
    """The values of a line. Raises ``ValueError`` for what ``lines`` never wrote."""
    told = json.loads(line)
    if not isinstance(told, list) or len(told) != len(kinds):
        raise ValueError("a line holds another number of values than its table has columns")
    return [_read(kind, value) for kind, value in zip(kinds, told, strict=True)]


def load(db: Connection, table: Table, given: Iterable[bytes]) -> None:
    """Put rows into an empty table, and let its own numbering go on after them."""
    if db.dialect.name == "sqlite":
        db.execute(text("PRAGMA defer_foreign_keys=ON"))  # a row may refer to a later one of its own table
    own = columns(table)
    kinds = [kind for _, kind in own]
    rest = iter(given)
    while some := list(islice(rest, AT_ONCE)):
        rows = [dict(zip((name for name, _ in own), read(line, kinds), strict=True)) for line in some]
        db.execute(insert(table), rows)
    if db.dialect.name != "sqlite":
        _go_on_numbering(db, table)


def _go_on_numbering(db: Connection, table: Table) -> None:
    for column in table.primary_key.columns:
        asked = {"table": table.name, "column": column.name}
        owned = db.execute(text("SELECT pg_get_serial_sequence(:table, :column)"), asked).scalar_one()
        if owned is not None:
            last = select(column).order_by(column.desc()).limit(1)
            if (highest := db.execute(last).scalar_one_or_none()) is not None:
                db.execute(text("SELECT setval(:owned, :highest)"), {"owned": owned, "highest": highest})


def _kind(column: Column[Any]) -> str:
    kind = "instant" if isinstance(column.type, Instant) else KINDS.get(column.type.python_type)
    if kind is None:
        raise TypeError(f"{column.table.name}.{column.name} is of a kind that no backup can hold")
    return kind


def _told(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "instant":
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return base64.b64encode(value).decode() if kind == "bytes" else value


def _read(kind: str, told: Any) -> Any:
    if told is None:
        return None
    if kind == "instant":
        return datetime.fromisoformat(told)
    return base64.b64decode(told, validate=True) if kind == "bytes" else told
