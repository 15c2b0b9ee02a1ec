"""Who was shown what, and when: written before anything is shown, chained, and never changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select

from service.core import reads
from service.core.access import Actor
from service.core.reads import Entry
from service.store.tables import account, ownership, process_instance, read_log, user_task

ONE_AT_A_TIME = 4_702
"""The advisory lock of PostgreSQL under which the chain grows; SQLite's writers queue anyway."""
ON_A_PAGE = 50
AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Read:
    """A read as those see it who look after information: names instead of ids."""

    number: int
    at: datetime
    account_id: str
    who: str
    roles: str
    kind: str
    code: str | None
    object_id: str
    why: str


def note(
    db: Connection, reader: Actor, at: datetime, *, kind: str, instance_id: str | None, object_id: str,
    why: str = reads.MEMBERSHIP,
) -> None:  # fmt: skip
    """Write down that ``reader`` is shown something, within a writing transaction."""
    if db.dialect.name != "sqlite":
        db.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
    last = db.execute(select(read_log).order_by(read_log.c.number.desc()).limit(1)).one_or_none()
    roles = " ".join(sorted(reader.roles))
    entry = Entry(0, at, reader.account_id, roles, kind, instance_id, object_id, why)
    placed = reads.after(None if last is None else Entry(*last), entry)
    db.execute(insert(read_log).values({name: getattr(placed, name) for name in Entry.__slots__}))


def instance_of(db: Connection, *, code: str | None = None, task_id: str | None = None) -> str | None:
    """The case an address is about, by its code or by a task of it."""
    if task_id is not None:
        wanted = select(user_task.c.instance_id).where(user_task.c.id == task_id)
    elif code is not None:
        wanted = select(process_instance.c.id).where(process_instance.c.code == code)
    else:
        return None
    return db.execute(wanted).scalar_one_or_none()


def entries(db: Connection) -> Iterator[Entry]:
    """The whole chain, the first entry first."""
    after = 0
    while True:
        page = select(read_log).where(read_log.c.number > after).order_by(read_log.c.number).limit(AT_ONCE)
        rows = db.execute(page).all()
        yield from (Entry(*row) for row in rows)
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].number


def search(
    db: Connection, reader: Actor, *, code: str = "", who: str = "", since: datetime | None = None,
    until: datetime | None = None, before: int | None = None,
) -> list[Read]:  # fmt: skip
    """Reads in the reader's partnerships, the last one first, narrowed; a page and one more."""
    own = select(ownership.c.instance_id).where(ownership.c.partnership_id.in_(sorted(reader.partnerships)))
    of_ours: ColumnElement[bool] = or_(read_log.c.instance_id.is_(None), read_log.c.instance_id.in_(own))
    wanted: Any = (
        select(read_log, account.c.name, process_instance.c.code)
        .join(account, account.c.id == read_log.c.account_id)
        .outerjoin(process_instance, process_instance.c.id == read_log.c.instance_id)
        .where(of_ours).order_by(read_log.c.number.desc()).limit(ON_A_PAGE + 1)
    )  # fmt: skip
    if code:
        wanted = wanted.where(process_instance.c.code == code)
    if who:
        named = (func.lower(column) == who.lower() for column in (account.c.email, account.c.name))
        wanted = wanted.where(or_(*named))
    if since is not None:
        wanted = wanted.where(read_log.c.at >= since)
    if until is not None:
        wanted = wanted.where(read_log.c.at < until)
    if before is not None:
        wanted = wanted.where(read_log.c.number < before)
    return [
        Read(r.number, r.at, r.account_id, r.name, r.roles, r.kind, r.code, r.object_id, r.why)
        for r in db.execute(wanted)
    ]
