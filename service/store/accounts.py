"""Accounts as those see them who look after them: who there is, in which roles, and what was done to each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, func, or_, select

from service.store import people
from service.store.tables import account, account_event, invitation, membership, process_instance, session

ON_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Account:
    """An account, without what people sign in with. ``state`` is ``open``, ``invited`` or ``shut``."""

    id: str
    email: str
    name: str
    practice: bool
    disabled_at: datetime | None
    person_id: str | None
    state: str
    second_factor: bool


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom an invitation is for."""

    account_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Held:
    """A role somebody has, had or will have; ``code`` names the case where it is for one only."""

    id: str
    role: str
    agency: str | None
    code: str | None
    granted_by: str
    reason: str
    from_at: datetime
    to_at: datetime | None

    @property
    def last(self) -> datetime | None:
        """The last instant it counts: a role that ends with a day ends at the midnight behind it."""
        return None if self.to_at is None else self.to_at - timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Acting:
    """Somebody who acts for an agency, and in which roles."""

    account_id: str
    name: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """What was done to an account; ``by`` is a name."""

    at: datetime
    by: str
    what: str
    told: str
    reason: str


def account_by_id(db: Connection, account_id: str) -> Account | None:
    """One account."""
    if "\0" in account_id:
        return None
    row = db.execute(select(account).where(account.c.id == account_id)).one_or_none()
    return None if row is None else _account(row)


def search(db: Connection, text: str = "", after: str = "") -> list[Account]:
    """Accounts whose name or address holds ``text``, by address, those behind ``after`` only; a page and one more."""
    wanted = select(account).order_by(account.c.email).where(account.c.email > after).limit(ON_A_PAGE + 1)
    if text:
        like = "%" + text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        named = (func.lower(column).like(like, escape="\\") for column in (account.c.email, account.c.name))
        wanted = wanted.where(or_(*named))
    return [_account(row) for row in db.execute(wanted)]


def others_of_person(db: Connection, found: Account) -> list[Account]:
    """The other accounts of the same person."""
    person = found.person_id or found.id
    same = or_(account.c.person_id == person, account.c.id == person)
    rows = db.execute(select(account).where(same, account.c.id != found.id).order_by(account.c.email))
    return [_account(row) for row in rows]


def acting(db: Connection, at: datetime) -> dict[str, list[Acting]]:
    """Who acts for each agency at ``at``, by name; who was named for a single case alone is not among them."""
    wanted = (
        select(membership.c.agency, membership.c.role, account.c.id, account.c.name)
        .join(account, account.c.id == membership.c.account_id)
        .where(
            membership.c.agency.is_not(None), membership.c.instance_id.is_(None), people.now_valid(at),
            account.c.disabled_at.is_(None),
        )
        .order_by(membership.c.agency, account.c.name, account.c.id, membership.c.role).distinct()
    )  # fmt: skip
    found: dict[str, list[Acting]] = {}
    same = attrgetter("agency", "id", "name")
    for (agency, account_id, name), rows in groupby(db.execute(wanted), same):
        found.setdefault(agency, []).append(Acting(account_id, name, tuple(row.role for row in rows)))
    return found


def held(db: Connection, account_id: str) -> list[Held]:
    """Every role of an account, ended ones too; the last given first."""
    wanted = (
        select(membership, process_instance.c.code, account.c.name)
        .outerjoin(process_instance, process_instance.c.id == membership.c.instance_id)
        .outerjoin(account, account.c.id == membership.c.granted_by)
        .where(membership.c.account_id == account_id).order_by(membership.c.from_at.desc(), membership.c.id)
    )  # fmt: skip
    return [
        Held(r.id, r.role, r.agency, r.code, r.name or "The installation", r.reason, r.from_at, r.to_at)
        for r in db.execute(wanted)
    ]


def happened(db: Connection, account_id: str) -> list[Happened]:
    """What was done to an account, the last thing first."""
    wanted = (
        select(account_event, account.c.name).outerjoin(account, account.c.id == account_event.c.by)
        .where(account_event.c.account_id == account_id).order_by(account_event.c.number.desc()).limit(200)
    )  # fmt: skip
    return [Happened(r.at, r.name or "The installation", r.what, r.told, r.reason) for r in db.execute(wanted)]


def open_sessions(db: Connection, account_id: str, at: datetime) -> int:
    """How many sessions of an account are open."""
    return len(people.sessions(db, account_id, at))


def last_seen(db: Connection, account_id: str) -> datetime | None:
    """When an account was used last."""
    found: datetime | None = db.execute(
        select(func.max(session.c.seen_at)).where(session.c.account_id == account_id)
    ).scalar_one()
    return found


def invited(db: Connection, token_hash: str, at: datetime) -> Invited | None:
    """Whom an invitation is for, while it is neither used nor over, and the account open."""
    wanted = (
        select(account.c.id, account.c.name).join(invitation, invitation.c.account_id == account.c.id)
        .where(
            invitation.c.token_hash == token_hash, invitation.c.used_at.is_(None), invitation.c.expires_at > at,
            account.c.disabled_at.is_(None),
        )
    )  # fmt: skip
    row = db.execute(wanted).one_or_none()
    return None if row is None else Invited(row.id, row.name)


def _account(row: Any) -> Account:
    state = "shut" if row.disabled_at else "invited" if not row.password_hash else "open"
    return Account(
        row.id, row.email, row.name, row.practice, row.disabled_at, row.person_id, state, row.totp_since is not None
    )
