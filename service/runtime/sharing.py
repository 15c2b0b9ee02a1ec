"""Sharing out work: who does a task, and answers that are half written.

Assigning and delegating are steps with a reason in the history. A draft is the person's own: it is no step, it leaves
with the answers it becomes, and nobody else can read it.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert

from service.core import access, reasons, values
from service.core.access import Actor
from service.core.commands import AssignUserTask, DelegateUserTask, SaveDraft
from service.core.errors import BrokenRule, NotAllowed, NotFound, Problem, TaskClosed
from service.core.forms_door import admit
from service.runtime import stepping
from service.runtime.answering import Done, answer, answered
from service.runtime.definitions import Definitions
from service.runtime.present import now
from service.store import instances, people, queries, tending
from service.store.rows import TaskRow
from service.store.tables import answer_draft
from service.store.transaction import Store, transaction

LONGEST_DRAFT = 1_000_000


@dataclass(frozen=True, slots=True)
class Sharing:
    """The use cases over a store, given a clock (``() -> aware instant``)."""

    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions

    def assign(self, actor: Actor, task_id: str, to: str, reason: str, key: str) -> Done:
        """Give an open task to somebody of its group; ``to`` is an account id.

        Raises ``NotFound``, ``NotAllowed``, ``TaskClosed``, ``FormRefused``, ``BrokenRule`` for somebody who could not
        do it.
        """
        return self._give(actor, task_id, to, reason, key, delegated=False)

    def delegate(self, actor: Actor, task_id: str, to: str, reason: str, key: str) -> Done:
        """Let somebody of its group do a task that one has taken; it comes back when they give it back.

        Raises as ``assign`` does, and ``TaskHeld`` when the actor does not have it.
        """
        return self._give(actor, task_id, to, reason, key, delegated=True)

    def _give(self, actor: Actor, task_id: str, to: str, reason: str, key: str, *, delegated: bool) -> Done:
        said = ("delegate" if delegated else "assign", task_id, to, reason)
        with transaction(self.store) as db:
            if (before := answered(db, actor, key, said)) is not None:
                return before
            held = instances.hold(db, self._known(db, actor, task_id, delegated=delegated).instance_id)
            at = now(db, self.clock)
            definition = self.definitions.load(db, held.definition_hash)
            task = self._known(db, actor, task_id, delegated=delegated)
            here = people.as_in(db, actor, held.id)
            if not delegated and not access.may_assign(definition, here, task.role, task.agency):
                raise NotAllowed("Your roles do not say who does this task.")
            if to not in {account_id for account_id, _ in tending.candidates(db, task.role, task.agency, held.id, at)}:
                said_why = "Choose somebody who could do this task."
                raise BrokenRule(said_why, (Problem("to", said_why),))
            written = stepping.write_down(reasons.FORM, reasons.answers(reason), secrets.token_hex(32))
            command = (
                DelegateUserTask(task_id, actor.account_id, to, written.hash)
                if delegated
                else AssignUserTask(task_id, to, written.hash)
            )
            taken, _ = stepping.take(db, definition, held, command, at=at, actor=actor.account_id)
            stepping.keep_record(db, definition, written, taken, task_id=task_id, agency=task.agency)
            return answer(db, actor, key, said, Done(held.id, held.code, taken.seq), at)

    @staticmethod
    def _known(db: Connection, actor: Actor, task_id: str, *, delegated: bool) -> TaskRow:
        find = queries.task if delegated else queries.visible_task
        task = find(db, actor, task_id)
        if task is None:
            raise NotFound("There is no such task.")
        if task.closed_at is not None:
            raise TaskClosed("This task has already been closed.", closed_by=task.closed_by, closed_at=task.closed_at)
        return task

    def save_draft(self, actor: Actor, draft: SaveDraft) -> datetime:
        """Keep half-written answers as they were typed, over what the person kept before; return when.

        Raises ``NotFound``, ``TaskClosed``, ``BrokenRule`` for what could not be shown again.
        """
        kept = _draft_text(draft.answers)
        with transaction(self.store) as db:
            task = queries.task(db, actor, draft.task_id)
            if task is None:
                raise NotFound("There is no such task.")
            if task.closed_at is not None:
                raise TaskClosed(
                    "This task has already been closed.", closed_by=task.closed_by, closed_at=task.closed_at
                )
            at = now(db, self.clock)
            _forget(db, actor, draft.task_id)
            row = {"task_id": draft.task_id, "account_id": actor.account_id, "answers": kept, "saved_at": at}
            db.execute(insert(answer_draft).values(row))
            return at

    def drop_draft(self, actor: Actor, task_id: str) -> None:
        """Throw a person's half-written answers away."""
        with transaction(self.store) as db:
            _forget(db, actor, task_id)


def _forget(db: Connection, actor: Actor, task_id: str) -> None:
    own = (answer_draft.c.task_id == task_id, answer_draft.c.account_id == actor.account_id)
    db.execute(delete(answer_draft).where(*own))


def _draft_text(answers: Mapping[str, Any]) -> str:
    cleaned, faults = admit(answers)
    if faults:
        problems = tuple(Problem(str(f.path[0]) if f.path else "", f"This {f.reason}.") for f in faults)
        raise BrokenRule("This could not be kept.", problems)
    text = json.dumps(values.encode(cleaned), ensure_ascii=False)
    if len(text) > LONGEST_DRAFT:
        raise BrokenRule("This is too long to keep.")
    return text
