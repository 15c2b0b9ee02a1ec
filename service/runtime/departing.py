"""Departures looked at by a second person: agreed or objected to, each with a reason that stays in the history.

Nobody judges a departure of their own, under whichever of their accounts, and nobody one whose reasons they may not
read.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from service.core import access, reasons
from service.core.access import Actor
from service.core.commands import ApproveDeparture, ObjectToDeparture
from service.core.definitions import ProcessDefinition
from service.core.errors import NotAllowed, NotFound
from service.runtime import stepping
from service.runtime.answering import Done, answer, answered
from service.runtime.definitions import Definitions
from service.runtime.present import now
from service.store import instances, people, queries
from service.store.departures import departures_of
from service.store.rows import DepartureRow
from service.store.transaction import Store, transaction

OWN = "You made this departure yourself: somebody else has to look at it."
UNREAD = "You may not read the reasons for this departure, so you cannot say whether they are good."


@dataclass(frozen=True, slots=True)
class Departures:
    """The use cases over a store, given a clock (``() -> aware instant``)."""

    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions

    def judge(self, actor: Actor, code: str, number: int, reason: str, key: str, *, approved: bool) -> Done:
        """Agree to departure ``number`` of a case, or object to it.

        Raises ``NotFound``, ``NotAllowed``, ``NothingToDo`` for what has been said already, ``CaseEnded``,
        ``CaseSuspended``, ``FormRefused``.
        """
        said = ("judge departure", code, number, approved, reason)
        with transaction(self.store) as db:
            if (before := answered(db, actor, key, said)) is not None:
                return before
            case = queries.case(db, actor, code)
            if case is None:
                raise NotFound("There is no such case.")
            held = instances.hold(db, case.id)
            at = now(db, self.clock)
            definition = self.definitions.load(db, held.definition_hash)
            role = _role(db, definition, actor, held.id, number)
            written = stepping.write_down(reasons.FORM, reasons.answers(reason), secrets.token_hex(32))
            command = (ApproveDeparture if approved else ObjectToDeparture)(number, role, written.hash)
            taken, _ = stepping.take(db, definition, held, command, at=at, actor=actor.account_id)
            stepping.keep_record(db, definition, written, taken, task_id=None, agency=None)
            return answer(db, actor, key, said, Done(held.id, held.code, taken.seq), at)


def _role(db: Connection, definition: ProcessDefinition, actor: Actor, instance_id: str, number: int) -> str:
    """The role in which the actor judges a departure. Raises ``NotFound``, ``NotAllowed``."""
    found = [row for row in departures_of(db, definition, actor, instance_id) if row.number == number]
    if not found:
        raise NotFound("There is no such departure.")
    role = access.approving_role(definition, people.as_in(db, actor, instance_id))
    why = refusal(actor, found[0])
    if role is None or why:
        raise NotAllowed(why or "Your roles do not approve departures.")
    return role


def refusal(actor: Actor, row: DepartureRow) -> str | None:
    """Why an actor whose role approves departures does not judge this one; ``None`` if they may."""
    if row.made_by_person == actor.person:
        return OWN
    return None if row.readable else UNREAD
