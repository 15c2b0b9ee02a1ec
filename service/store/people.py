"""Who may enter, what they may read, and what is deployed: accounts, sessions, records, definitions, drafts."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from service.core import values
from service.core.access import Actor, Membership, may_read
from service.core.definitions import ProcessDefinition
from service.store import reach
from service.store.rows import AccountRow, DefinitionRow, DraftRow, RecordRow, SessionRow
from service.store.tables import (
    account,
    draft,
    membership,
    process_definition,
    process_instance,
    record,
    session,
)

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=10)
HALF = timedelta(minutes=10)
"""How long a session waits for its second factor."""


def now_valid(at: datetime) -> ColumnElement[bool]:
    """Over ``membership``: those that count at ``at``."""
    return and_(membership.c.from_at <= at, or_(membership.c.to_at.is_(None), membership.c.to_at > at))


def actor(db: Connection, account_id: str, at: datetime) -> Actor | None:
    """The person behind an account with the memberships valid at ``at``; nobody if the account is disabled."""
    row = db.execute(select(account).where(account.c.id == account_id, account.c.disabled_at.is_(None))).one_or_none()
    if row is None:
        return None
    held = select(membership).where(membership.c.account_id == account_id, now_valid(at)).order_by(membership.c.id)
    found = tuple(Membership(m.role, m.agency, m.partnership_id, m.instance_id) for m in db.execute(held))
    return Actor(row.id, row.name, row.email, found, person_id=row.person_id or row.id)


def as_in(db: Connection, person: Actor, instance_id: str) -> Actor:
    """The person as one case meets them: with the memberships that reach it, and nothing of what they hold elsewhere.

    Nobody at all for who is shut out of it.
    """
    held, whole = reach.held_in(db, person, instance_id)
    return replace(person, memberships=held, whole=whole, passed=reach.passed(db, instance_id))


def session_actor(db: Connection, token_hash: str, at: datetime) -> Actor | None:
    """Who a session belongs to, while it is neither ended, idle for too long nor too old."""
    row = db.execute(select(session).where(session.c.token_hash == token_hash)).one_or_none()
    if row is None or not _open(row, at) or row.second_at is None:
        return None
    return actor(db, row.account_id, at)


def session_half(db: Connection, token_hash: str, at: datetime) -> str | None:
    """The account whose password began a session that still waits for the second factor."""
    row = db.execute(select(session).where(session.c.token_hash == token_hash)).one_or_none()
    if row is None or row.second_at is not None or not _open(row, at) or at - row.started_at > HALF:
        return None
    return str(row.account_id) if actor(db, row.account_id, at) is not None else None


def _open(row: Any, at: datetime) -> bool:
    return row.ended_at is None and at - row.seen_at <= IDLE and at - row.started_at <= ABSOLUTE


def sessions(db: Connection, account_id: str, at: datetime) -> list[SessionRow]:
    """The open sessions of an account, the last one begun first."""
    wanted = select(session).where(session.c.account_id == account_id).order_by(session.c.started_at.desc())
    return [
        SessionRow(row.token_hash, row.started_at, row.seen_at) for row in db.execute(wanted) if _open(row, at)
    ]


def session_seen(db: Connection, token_hash: str) -> datetime | None:
    """When a session was last noted as used."""
    return db.execute(select(session.c.seen_at).where(session.c.token_hash == token_hash)).scalar_one_or_none()


def account_by_email(db: Connection, email: str) -> AccountRow | None:
    """The account of an e-mail address, whatever its case."""
    if "\0" in email:  # PostgreSQL fails on it, and nobody has one
        return None
    rows = _accounts(db, func.lower(account.c.email) == email.strip().lower())
    return rows[0] if rows else None


def practice_accounts(db: Connection) -> list[AccountRow]:
    """The accounts anybody may use on a practice site."""
    return _accounts(db, account.c.practice.is_(True))


def _accounts(db: Connection, which: ColumnElement[bool]) -> list[AccountRow]:
    roles: dict[str, list[tuple[str, str | None]]] = {}
    for m in db.execute(select(membership).order_by(membership.c.role)):
        roles.setdefault(m.account_id, []).append((m.role, m.agency))
    return [
        AccountRow(r.id, r.email, r.name, r.password_hash, r.practice, r.disabled_at, tuple(roles.get(r.id, ())))
        for r in db.execute(select(account).where(which).order_by(account.c.id))
    ]


def members(
    db: Connection, role: str, agency: str | None, partnerships: frozenset[str], at: datetime, instance_id: str
) -> list[str]:
    """The accounts that hold a role (of an agency, if one is given) in any of the partnerships, for this case."""
    wanted = (
        select(membership.c.account_id).distinct()
        .join(account, account.c.id == membership.c.account_id)
        .where(
            membership.c.role == role, membership.c.partnership_id.in_(sorted(partnerships)), now_valid(at),
            account.c.disabled_at.is_(None), reach.holds_for(instance_id),
        )
    )  # fmt: skip
    if agency is not None:
        wanted = wanted.where(membership.c.agency == agency)
    return sorted(db.execute(wanted).scalars())


def _record_rows() -> Select[Any]:
    return select(record, account.c.name.label("author_name")).join(account, account.c.id == record.c.author)


def _record(row: Any, answers: dict[str, Any] | None = None) -> RecordRow:
    return RecordRow(
        row.id, row.instance_id, row.seq, row.form, row.title, row.access, row.agency, row.author, row.author_name,
        row.at, row.definition_hash, answers or {},
    )  # fmt: skip


def records(db: Connection, definition: ProcessDefinition, reader: Actor, instance_id: str) -> list[RecordRow]:
    """The records of a case whose class the reader's roles may read, or which they wrote; oldest first."""
    wanted = _record_rows().where(record.c.instance_id == instance_id).order_by(record.c.seq)
    here = as_in(db, reader, instance_id)
    return [_record(r) for r in db.execute(wanted) if _may(definition, here, r)]


def _may(definition: ProcessDefinition, reader: Actor, row: Any) -> bool:
    return row.author == reader.account_id or may_read(definition, reader, row.access, row.agency)


def record_by_id(
    db: Connection, definition: ProcessDefinition, reader: Actor, instance_id: str, record_id: str
) -> RecordRow | None:
    """One record with its answers, if the reader may read it."""
    wanted = _record_rows().where(record.c.id == record_id, record.c.instance_id == instance_id)
    row = db.execute(wanted).one_or_none()
    if row is None or not _may(definition, as_in(db, reader, instance_id), row):
        return None
    return _record(row, values.decode(json.loads(row.answers)))


def records_of_case(
    db: Connection, definition: ProcessDefinition, reader: Actor, instance_id: str
) -> list[tuple[RecordRow, bool]]:
    """Every record of a case, oldest first, and whether the reader may read it: answers only where they may."""
    wanted = _record_rows().where(record.c.instance_id == instance_id).order_by(record.c.seq, record.c.id)
    here = as_in(db, reader, instance_id)
    seen = [(row, _may(definition, here, row)) for row in db.execute(wanted)]
    return [(_record(row, values.decode(json.loads(row.answers)) if may else None), may) for row, may in seen]


_deployer = account.alias("deployer")


def _definition_rows() -> Select[Any]:
    running = (
        select(func.count()).select_from(process_instance)
        .where(process_instance.c.definition_hash == process_definition.c.hash, process_instance.c.status != "ended")
        .scalar_subquery()
    )  # fmt: skip
    return select(
        process_definition.c.hash, process_definition.c.key, process_definition.c.version, process_definition.c.note,
        process_definition.c.deployed_at, process_definition.c.deployed_by,
        func.coalesce(_deployer.c.name, "The installation").label("deployed_by_name"), running.label("cases"),
    ).outerjoin(_deployer, _deployer.c.id == process_definition.c.deployed_by)  # fmt: skip


def definitions(db: Connection) -> list[DefinitionRow]:
    """Every deployment, newest first."""
    wanted = _definition_rows().order_by(process_definition.c.version.desc())
    return [DefinitionRow(*r) for r in db.execute(wanted)]


def current_definition(db: Connection) -> DefinitionRow | None:
    """The deployment new cases start on."""
    found = definitions(db)
    return found[0] if found else None


def bundle(db: Connection, definition_hash: str) -> dict[str, str] | None:
    """The files of a deployment, by path."""
    wanted = select(process_definition.c.bundle).where(process_definition.c.hash == definition_hash)
    text = db.execute(wanted).scalar_one_or_none()
    return None if text is None else dict(json.loads(text))


def _draft(row: Any) -> DraftRow:
    return DraftRow(
        row.id, row.name, row.based_on, json.loads(row.files), row.version, row.updated_by, row.editor, row.updated_at
    )


def _draft_rows() -> Select[Any]:
    return (
        select(draft, account.c.name.label("editor"))
        .join(account, account.c.id == draft.c.updated_by)
        .where(draft.c.deployed_at.is_(None))
    )


def drafts(db: Connection) -> list[DraftRow]:
    """Drafts that are not deployed yet, newest first."""
    return [_draft(r) for r in db.execute(_draft_rows().order_by(draft.c.updated_at.desc()))]


def draft_by_id(db: Connection, draft_id: str) -> DraftRow | None:
    """One draft that is not deployed yet."""
    row = db.execute(_draft_rows().where(draft.c.id == draft_id)).one_or_none()
    return None if row is None else _draft(row)


def names(db: Connection) -> dict[str, str]:
    """Names by account id."""
    return {row.id: row.name for row in db.execute(select(account.c.id, account.c.name))}
