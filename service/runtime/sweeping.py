"""What happens by itself: due timers fire, letters leave the outbox.

Called again and again; losing a turn loses nothing.
What is due is in our tables. One broken case becomes an incident and never stops the others.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from service.core.errors import CaseSuspended, NotFound, NothingToDo
from service.runtime.handler import Handler
from service.runtime.incidents import Incidents
from service.runtime.mail import Mailer, letter
from service.runtime.present import now
from service.store import queries
from service.store.outages import will_pass
from service.store.tables import account, incident, outbox
from service.store.transaction import Store, reading, transaction

log = logging.getLogger(__name__)

AGAIN_AFTER = timedelta(minutes=15)
LETTERS_AT_A_TIME = 50
TRIES = 10
SENDER = "no-reply@casework.invalid"


@dataclass(frozen=True, slots=True)
class Sweeper:
    """The worker's two jobs over a store."""

    store: Store
    clock: Callable[[], datetime]
    handler: Handler
    mailer: Mailer
    incidents: Incidents
    sender: str = SENDER

    def sweep(self) -> int:
        """Fire what is due in every case and return in how many something happened."""
        with reading(self.store) as db:
            due = queries.due_instances(db, now(db, self.clock))
            waiting = self._set_aside(db)
        return sum(self._fire(instance_id) for instance_id in due if instance_id not in waiting)

    def _fire(self, instance_id: str) -> bool:
        try:
            self.handler.fire_timers(instance_id)
        except (NotFound, NothingToDo, CaseSuspended):  # another worker has it, or has done it
            return False
        except Exception as failure:  # the longest overdue comes first: it would stop all others for ever
            if will_pass(failure):  # the database's trouble, not the case's: the next turn tries again
                raise
            self.incidents.record(failure, instance_id=instance_id)
            return False
        return True

    def _set_aside(self, db: Connection) -> set[str]:
        """Cases whose last try failed only a while ago."""
        since = now(db, self.clock) - AGAIN_AFTER
        recent = select(incident.c.instance_id).where(
            incident.c.closed_at.is_(None), incident.c.about.is_(None), incident.c.at > since
        )
        return set(db.execute(recent).scalars())

    def post(self) -> int:
        """Send what waits in the outbox and return how many letters left."""
        wanted = (
            select(outbox, account.c.email)
            .join(account, account.c.id == outbox.c.recipient)
            .where(outbox.c.sent_at.is_(None), outbox.c.attempts < TRIES)
            .order_by(outbox.c.created_at)
            .limit(LETTERS_AT_A_TIME)
        )
        with reading(self.store) as db:
            letters = list(db.execute(wanted))
        return sum(self._post(row.id, row.email, row.subject, row.body) for row in letters)

    def _post(self, letter_id: str, to: str, subject: str, body: str) -> bool:
        try:
            self.mailer(letter(id=letter_id, sender=self.sender, to=to, subject=subject, body=body))
            changed: dict[str, object] = {"sent_at": self.clock()}
        except (OSError, ValueError):  # no server, or an address or a name that no letter can carry
            log.warning("A letter could not be sent", extra={"letter_id": letter_id})
            changed = {"attempts": outbox.c.attempts + 1}
        # Noted after it left: a crash in between sends a letter twice rather than never.
        with transaction(self.store) as db:
            db.execute(update(outbox).where(outbox.c.id == letter_id).values(changed))
        return "sent_at" in changed
