"""Operating cases: put on hold, let go on, cancel, put values right, and try again what could not be finished.

Each is a step with its reason in the history. Trying again tells the truth: what went through, what still fails and
why, and what somebody has to do themselves.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, update

from service.core import access, commands, corrections, reasons
from service.core.access import Actor
from service.core.commands import (
    CancelInstance,
    Command,
    CorrectVariables,
    ResolveIncident,
    ResumeInstance,
    SuspendInstance,
)
from service.core.definitions import ProcessDefinition
from service.core.engine.memory import names_seen
from service.core.engine.step import step
from service.core.errors import Defect, NotAllowed, NotFound, NothingToDo, Rejection
from service.runtime import stepping
from service.runtime.answering import Done, answer, answered
from service.runtime.definitions import Definitions
from service.runtime.incidents import Incidents, post
from service.runtime.present import now
from service.store import instances, people, queries, tending
from service.store.instances import Held
from service.store.rows import CaseRow, IncidentRow
from service.store.tables import incident
from service.store.transaction import Store, reading, transaction

Allowed = Callable[[ProcessDefinition, Actor], bool]
Make = Callable[[ProcessDefinition, Held, str], Command]


@dataclass(frozen=True, slots=True)
class Tried:
    """What trying an incident again gave. ``kind`` is ``resolved`` or ``failed``; ``text`` says it in words."""

    reference: str
    code: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Operations:
    """The use cases over a store, given a clock (``() -> aware instant``)."""

    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions
    incidents: Incidents

    def suspend(self, actor: Actor, code: str, reason: str, key: str) -> Done:
        """Put a case on hold. Raises ``NotFound``, ``NotAllowed``, ``CaseSuspended``, ``CaseEnded``, ``FormRefused``.

        The reason stays in the history; dates that pass meanwhile are caught up when it goes on.
        """
        return self._tend(actor, code, reason, key, ("suspend",), access.may_hold, lambda d, h, r: SuspendInstance(r))

    def resume(self, actor: Actor, code: str, reason: str, key: str) -> Done:
        """Let a case go on. Raises ``NotFound``, ``NotAllowed``, ``NothingToDo``, ``FormRefused``."""
        return self._tend(actor, code, reason, key, ("resume",), access.may_hold, lambda d, h, r: ResumeInstance(r))

    def cancel(self, actor: Actor, code: str, reason: str, key: str) -> Done:
        """End a case where it stands. Raises ``NotFound``, ``NotAllowed``, ``CaseEnded``, ``FormRefused``."""
        return self._tend(actor, code, reason, key, ("cancel",), access.may_hold, lambda d, h, r: CancelInstance(r))

    def correct(self, actor: Actor, code: str, given: Mapping[str, str], reason: str, key: str) -> Done:
        """Put process variables right; ``given`` is name to typed text.

        Raises ``NotFound``, ``NotAllowed``, ``NothingToDo``, ``CaseEnded``, ``FormRefused``, ``BrokenRule`` naming each
        value that cannot be taken.
        """

        def make(definition: ProcessDefinition, held: Held, record: str) -> Command:
            return CorrectVariables(corrections.parse(definition, _variables(held.state), given), record)

        return self._tend(actor, code, reason, key, ("correct", dict(given)), access.operates, make)

    def _tend(
        self, actor: Actor, code: str, reason: str, key: str, what: tuple[object, ...],
        allowed: Allowed, make: Make,
    ) -> Done:  # fmt: skip
        said = (*what, code, reason)
        with transaction(self.store) as db:
            if (before := answered(db, actor, key, said)) is not None:
                return before
            held = instances.hold(db, self._case(db, actor, code, allowed).id)
            at = now(db, self.clock)
            done = self._step(db, actor, held, reason, make, at)
            return answer(db, actor, key, said, done, at)

    def _case(self, db: Connection, actor: Actor, code: str, allowed: Allowed) -> CaseRow:
        find = queries.tended_case if allowed is access.operates else queries.case
        case = find(db, actor, code)
        if case is None:
            raise NotFound("There is no such case.")
        if not allowed(self.definitions.current(db), people.as_in(db, actor, case.id)):
            raise NotAllowed("Your roles do not allow you to do this.")
        return case

    def _step(self, db: Connection, actor: Actor, held: Held, reason: str, make: Make, at: datetime) -> Done:
        definition = self.definitions.load(db, held.definition_hash)
        written = stepping.write_down(reasons.FORM, reasons.answers(reason), secrets.token_hex(32))
        command = make(definition, held, written.hash)
        taken, _ = stepping.take(db, definition, held, command, at=at, actor=actor.account_id)
        stepping.keep_record(db, definition, written, taken, task_id=None, agency=None)
        return Done(held.id, held.code, taken.seq)

    def retry(self, actor: Actor, reference: str, reason: str, key: str) -> Tried:
        """Try again what could not be finished, and say what came of it. Raises ``NotFound``, ``NotAllowed``.

        What time should have done is done now. What a person tried is tried without keeping it: it is theirs to do, and
        they are told by a letter once it would go through.
        """
        with reading(self.store) as db:
            found = tending.incident_by_id(db, actor, reference)
            if found is None:
                raise NotFound("There is no such incident.")
            if not access.operates(self.definitions.current(db), actor):
                raise NotAllowed("Your roles do not allow you to do this.")
        try:
            return self._retry(actor, found, reason, key)
        except Defect as defect:
            self._failed_again(found, str(defect))
            return Tried(reference, found.code or "", "failed", f"It still fails: {defect}")

    def retry_all(self, actor: Actor, reason: str) -> list[Tried]:
        """Try every open incident again, each by itself: one that still fails holds up no other."""
        with reading(self.store) as db:
            waiting = tending.incidents(db, actor)
        tried = []
        for one in reversed(waiting):
            with suppress(NotFound):  # over since the list was read
                tried.append(self.retry(actor, one.id, reason, uuid4().hex))
        return tried

    def _retry(self, actor: Actor, found: IncidentRow, reason: str, key: str) -> Tried:
        if found.closed_at is not None:
            return Tried(found.id, found.code or "", "resolved", "This was already over.")
        if found.instance_id is None:
            return self._close_without_case(actor, found, reason)
        said = ("retry", found.id, reason)
        with transaction(self.store) as db:
            if answered(db, actor, key, said) is not None:
                return Tried(found.id, found.code or "", "resolved", "This was already over.")
            held = instances.hold(db, found.instance_id)
            at = now(db, self.clock)
            text = self._try_what_was_tried(db, held, found, at)
            done = self._step(db, actor, held, reason, lambda d, h, record: ResolveIncident(found.id, record), at)
            changed = {"closed_at": at, "closed_by": actor.account_id, "resolution": text}
            db.execute(update(incident).where(incident.c.id == found.id).values(changed))
            answer(db, actor, key, said, done, at)
        return Tried(found.id, done.code, "resolved", text)

    def _try_what_was_tried(self, db: Connection, held: Held, found: IncidentRow, at: datetime) -> str:
        """Run a person's step without keeping it. Raises the ``Defect`` it meets."""
        written = tending.tried(db, found.id)
        if written is None:
            return "What was due has been done."
        definition = self.definitions.load(db, held.definition_hash)
        try:
            step(definition, held.state, commands.from_json(written), instance_id=held.id, at=at, seq=held.seq + 1)
        except NothingToDo:
            pass
        except Rejection as refusal:
            return f"It is no longer asked for: {refusal}"
        if found.actor is not None:
            subject = f"{held.code}: you can send your answers again – reference {found.id}"
            body = (
                f"{held.code}\n\nWhat stopped your answers has been put right. They were not lost: sign in, open "
                "the task and send them again.\n"
            )
            post(db, held.id, held.seq, "resolved", found.actor, subject, body, at)
        return f"It goes through now. {found.actor_name or 'The person'} has been asked to send it again."

    def _close_without_case(self, actor: Actor, found: IncidentRow, reason: str) -> Tried:
        text = "It belonged to no case: nothing was kept of what was tried."
        kept = json.dumps(reasons.answers(reason)["reason"], ensure_ascii=False)
        with transaction(self.store) as db:
            changed = {"closed_at": now(db, self.clock), "closed_by": actor.account_id, "resolution": f"{text} {kept}"}
            db.execute(update(incident).where(incident.c.id == found.id).values(changed))
        return Tried(found.id, "", "resolved", text)

    def _failed_again(self, found: IncidentRow, message: str) -> None:
        with transaction(self.store) as db:
            changed = {"attempts": incident.c.attempts + 1, "at": now(db, self.clock), "message": message}
            db.execute(update(incident).where(incident.c.id == found.id).values(changed))

    def values_of(self, actor: Actor, code: str) -> dict[str, str]:
        """The process variables of a case as a person types them. Raises ``NotFound``, ``NotAllowed``."""
        with reading(self.store) as db:
            case = self._case(db, actor, code, access.operates)
            state = queries.state(db, case.id)
            definition = self.definitions.load(db, case.definition_hash)
        known = dict.fromkeys(corrections.variables(definition)) | _variables(state)
        return {name: corrections.written(value) for name, value in sorted(known.items())}


def _variables(state: bytes) -> dict[str, Any]:
    """The process variables of a stored state, without the time limits that conditions see beside them."""
    return {name: value for name, value in names_seen({}, state, None).items() if name != "clocks"}
