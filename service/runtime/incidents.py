"""Incidents: what is kept of a step that could not be finished, and who is told.

Nothing of the step itself was kept. Operators are told by one letter when an incident begins, never again for its
further tries; the incident is over when a step shows that what failed goes through, or when somebody resolves it.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, and_, false, insert, or_, select, update

from service.core.access import Actor
from service.core.errors import Defect, NotFound
from service.runtime.definitions import Definitions
from service.runtime.present import now
from service.store import tending
from service.store.tables import incident, outbox, process_instance
from service.store.transaction import Store, transaction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Incidents:
    """Keeps incidents in a store."""

    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions

    def record(self, defect: Exception, *, instance_id: str | None, actor: Actor | None = None) -> str:
        """Keep that a step could not be finished and return the reference people are given.

        A second failure of the same thing in the same case counts on the first incident instead of adding another.
        """
        message = str(defect) if isinstance(defect, Defect) else f"Unforeseen: {type(defect).__name__}"
        tried = getattr(defect, "command", None) if actor is not None else None
        about = about_of(tried) if tried is not None else None
        with transaction(self.store) as db:
            same = incident.c.about == about if about is not None else incident.c.about.is_(None)
            case = incident.c.instance_id == instance_id if instance_id else incident.c.instance_id.is_(None)
            alike = and_(case, same, *([] if instance_id else [incident.c.message == message]))
            known = db.execute(select(incident.c.id).where(alike, incident.c.closed_at.is_(None))).scalars().first()
            at = now(db, self.clock)
            if known is not None:
                changed = {"attempts": incident.c.attempts + 1, "at": at, "message": message}
                db.execute(update(incident).where(incident.c.id == known).values(changed))
                return str(known)
            reference = uuid4().hex[:12]
            db.execute(insert(incident).values(
                id=reference, instance_id=instance_id, at=at, first_at=at, message=message, attempts=1, about=about,
                element_id=getattr(defect, "element", None), actor=actor.account_id if actor else None,
                command=json.dumps(tried, ensure_ascii=False) if tried is not None else None,
            ))  # fmt: skip
            if instance_id is not None:
                self._tell_operators(db, reference, instance_id, at)
        log.error("A step could not be finished", extra={"instance_id": instance_id, "reference": reference})
        return reference

    def _tell_operators(self, db: Connection, reference: str, instance_id: str, at: datetime) -> None:
        try:
            definition = self.definitions.current(db)
        except (NotFound, Defect):  # roles are read from what is deployed; without it there is nobody to tell
            return
        case = select(process_instance.c.code, process_instance.c.version).where(process_instance.c.id == instance_id)
        row = db.execute(case).one()
        subject = f"{row.code}: a step could not be finished – reference {reference}"
        body = (
            f"{row.code}\n\nA step of this case could not be finished. Nothing of it was kept, and nothing is lost.\n"
            f"Reference: {reference}\n\nSign in to the service and open “Incidents” to see it and to try it again. "
            "You get this letter once, however often it fails. It carries no details on purpose.\n"
        )
        for recipient in tending.operators(db, definition, instance_id, at):
            post(db, instance_id, row.version, "incident", recipient, subject, body, at)


def post(
    db: Connection, instance_id: str, seq: int, kind: str, recipient: str, subject: str, body: str, at: datetime
) -> None:
    """Put one letter that follows from no event into the outbox."""
    db.execute(insert(outbox).values(
        id=uuid4().hex, instance_id=instance_id, seq=seq, kind=kind, recipient=recipient, subject=subject, body=body,
        created_at=at, attempts=0,
    ))  # fmt: skip


def about_of(command: Mapping[str, Any]) -> str:
    """What a command asked for: its kind, with the id of its task or its message."""
    return f"{command['type']}:{command.get('task_id') or command.get('message') or ''}"[:64]


def overcome(instance_id: str, command: Mapping[str, Any]) -> ColumnElement[bool]:
    """The open incidents of a case that a step with this command shows to be over.

    Time comes first in every step, so a step that was taken shows that the timers go through again; what a person
    tried in vain is over once the same is done. A step that says who may know of a case shows nothing: no time passes.
    """
    if command.get("type") in {"GrantAccess", "EndAccess", "ShutOut", "LetIn"}:
        return false()
    own = or_(incident.c.about.is_(None), incident.c.about == about_of(command))
    named = incident.c.id == command.get("incident", "")
    return and_(incident.c.instance_id == instance_id, incident.c.closed_at.is_(None), or_(own, named))
