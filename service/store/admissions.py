"""Who reaches a case and why, and who is shut out of it: written from the events of its steps, read by its page."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Connection, insert, or_, select, update

from service.core.events_beside import AccessEnded, AccessGranted, SomebodyLetIn, SomebodyShutOut
from service.store import people, reach
from service.store.tables import account, denial, membership, ownership

Admission: TypeAlias = AccessGranted | AccessEnded | SomebodyShutOut | SomebodyLetIn


@dataclass(frozen=True, slots=True)
class Reacher:
    """Somebody who reaches a case: in which role, of which agency, and until when.

    ``number`` is the step that named them for this case, ``None`` where their role reaches it by itself.
    """

    account: str
    name: str
    role: str
    agency: str | None
    number: int | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Outsider:
    """A person, or an agency, shut out of a case by the step ``number``."""

    number: int
    account: str | None
    name: str | None
    agency: str | None
    at: datetime
    by_name: str


def project(db: Connection, instance_id: str, event: Admission, at: datetime, actor: str, seq: int) -> None:
    """Apply an event of step ``seq``. Memberships of one case are rows of its steps; those of all cases are not."""
    match event:
        case AccessGranted():
            owner = select(ownership.c.partnership_id).where(ownership.c.instance_id == instance_id)
            partnership = db.execute(owner.order_by(ownership.c.partnership_id).limit(1)).scalar_one()
            db.execute(insert(membership).values(
                id=_named(instance_id, seq), account_id=event.account, partnership_id=partnership, role=event.role,
                agency=event.agency, instance_id=instance_id, granted_by=actor, reason="Named for this case",
                from_at=at, to_at=event.until,
            ))  # fmt: skip
        case AccessEnded():
            this = membership.c.id == _named(instance_id, event.number)
            db.execute(update(membership).where(this).values(to_at=at))
        case SomebodyShutOut():
            db.execute(insert(denial).values(
                instance_id=instance_id, number=seq, account_id=event.account, agency=event.agency, seq=seq, at=at,
                by=actor,
            ))  # fmt: skip
        case SomebodyLetIn():
            this_one = (denial.c.instance_id == instance_id, denial.c.number == event.number)
            lifted = {"lifted_at": at, "lifted_by": actor, "lifted_seq": seq}
            db.execute(update(denial).where(*this_one).values(lifted))


def _named(instance_id: str, number: int) -> str:
    return f"{instance_id}-{number}"


def reachers(db: Connection, instance_id: str, at: datetime) -> list[Reacher]:
    """Who reaches a case now, and by which role; by name, then by role."""
    owners = select(ownership.c.partnership_id).where(ownership.c.instance_id == instance_id)
    wanted = (
        select(membership, account.c.name)
        .join(account, account.c.id == membership.c.account_id)
        .where(
            membership.c.partnership_id.in_(owners), people.now_valid(at), account.c.disabled_at.is_(None),
            or_(membership.c.instance_id.is_(None), membership.c.instance_id == instance_id),
        )
        .order_by(account.c.name, account.c.id, membership.c.role)
    )  # fmt: skip
    found: list[Reacher] = []
    known: dict[str, frozenset[tuple[str, str | None, str | None]]] = {}
    for row in db.execute(wanted):
        if row.account_id not in known:
            person = people.actor(db, row.account_id, at)
            here = reach.reaching(db, person, instance_id) if person is not None else ()
            known[row.account_id] = frozenset((m.role, m.agency, m.instance_id) for m in here)
        if (row.role, row.agency, row.instance_id) in known[row.account_id]:
            number = int(row.id.rpartition("-")[2]) if row.instance_id is not None and "-" in row.id else None
            found.append(Reacher(row.account_id, row.name, row.role, row.agency, number, row.to_at))
    return found


def members(db: Connection, instance_id: str) -> list[tuple[str, str]]:
    """The ids and names of the people of the partnerships a case belongs to, by name: nobody else can be chosen."""
    owners = select(ownership.c.partnership_id).where(ownership.c.instance_id == instance_id)
    theirs = select(membership.c.account_id).where(membership.c.partnership_id.in_(owners))
    wanted = select(account.c.id, account.c.name).where(account.c.id.in_(theirs), account.c.disabled_at.is_(None))
    return [(row.id, row.name) for row in db.execute(wanted.order_by(account.c.name, account.c.id))]


def outsiders(db: Connection, instance_id: str) -> list[Outsider]:
    """Who is shut out of a case now, the first one first."""
    by = account.alias("by_account")
    wanted = (
        select(denial, account.c.name, by.c.name.label("by_name"))
        .outerjoin(account, account.c.id == denial.c.account_id)
        .join(by, by.c.id == denial.c.by)
        .where(denial.c.instance_id == instance_id, denial.c.lifted_seq.is_(None))
        .order_by(denial.c.number)
    )
    return [Outsider(r.number, r.account_id, r.name, r.agency, r.at, r.by_name) for r in db.execute(wanted)]
