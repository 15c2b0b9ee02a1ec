"""What those who tend cases read: incidents, who could do a task, and answers half written.

Incidents are shown to those who tend the cases they are of; one that belongs to no case is shown to every operator.
"""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from service.core import values
from service.core.access import Actor
from service.core.definitions import ProcessDefinition
from service.store import people, reach
from service.store.rows import IncidentRow
from service.store.tables import account, answer_draft, incident, ownership, process_instance


def _incident_rows(actor: Actor) -> Select[Any]:
    return (
        select(incident, process_instance.c.code, process_instance.c.definition_hash, account.c.name)
        .outerjoin(process_instance, process_instance.c.id == incident.c.instance_id)
        .outerjoin(account, account.c.id == incident.c.actor)
        .where(or_(incident.c.instance_id.is_(None), reach.tended(actor)))
    )


def _incident(row: Any) -> IncidentRow:
    return IncidentRow(
        row.id, row.instance_id, row.code, row.definition_hash, row.first_at or row.at, row.at, row.element_id,
        row.message, row.attempts, row.actor, row.name, row.about, row.closed_at, row.resolution,
    )  # fmt: skip


def incidents(db: Connection, actor: Actor, *, closed: bool = False, limit: int = 500) -> list[IncidentRow]:
    """Open incidents, or the latest closed ones, of cases the actor may know of; newest first."""
    over = incident.c.closed_at.is_not(None) if closed else incident.c.closed_at.is_(None)
    wanted = _incident_rows(actor).where(over).order_by(incident.c.at.desc(), incident.c.id).limit(limit)
    return [_incident(r) for r in db.execute(wanted)]


def incident_by_id(db: Connection, actor: Actor, reference: str) -> IncidentRow | None:
    """One incident, open or closed, of a case the actor may know of."""
    row = db.execute(_incident_rows(actor).where(incident.c.id == reference)).one_or_none()
    return None if row is None else _incident(row)


def tried(db: Connection, reference: str) -> dict[str, Any] | None:
    """The command whose step could not be finished, as the history would have kept it."""
    text = db.execute(select(incident.c.command).where(incident.c.id == reference)).scalar_one_or_none()
    return None if text is None else dict(json.loads(text))


def partnerships_of(db: Connection, instance_id: str) -> frozenset[str]:
    """The partnerships a case belongs to."""
    owners = select(ownership.c.partnership_id).where(ownership.c.instance_id == instance_id)
    return frozenset(db.execute(owners).scalars())


def operators(db: Connection, definition: ProcessDefinition, instance_id: str, at: datetime) -> list[str]:
    """The account ids of those who put right what went wrong in a case."""
    owners = partnerships_of(db, instance_id)
    roles = [role for role, data in definition.roles.items() if data.get("operates")]
    found = {a for role in roles for a in people.members(db, role, None, owners, at, instance_id)}
    return sorted(found)


def candidates(
    db: Connection, role: str | None, agency: str | None, instance_id: str, at: datetime
) -> list[tuple[str, str]]:
    """Who could do a task of this candidate group: account ids and names, by name."""
    owners = partnerships_of(db, instance_id)
    ids = people.members(db, role, agency, owners, at, instance_id) if role else []
    found = select(account.c.id, account.c.name).where(account.c.id.in_(ids)).order_by(account.c.name, account.c.id)
    return [(r.id, r.name) for r in db.execute(found)]


def draft_of(db: Connection, account_id: str, task_id: str) -> tuple[dict[str, Any], datetime] | None:
    """A person's half-written answers to a task, as typed, and when they were saved."""
    wanted = select(answer_draft.c.answers, answer_draft.c.saved_at).where(
        answer_draft.c.task_id == task_id, answer_draft.c.account_id == account_id
    )
    row = db.execute(wanted).one_or_none()
    return None if row is None else (values.decode(json.loads(row.answers)), row.saved_at)
