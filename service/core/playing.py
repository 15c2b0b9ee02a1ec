"""One case played in memory: the engine, the forms and the access rule, with a clock that is told the time.

What a scenario does here goes through exactly the rules a person meets on a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.core import access, forms
from service.core.access import Actor, Membership
from service.core.clock_course import Course
from service.core.clock_courses import followed
from service.core.clocks import Clock
from service.core.commands import Command, CompleteUserTask, DeliverMessage, FireTimers, StartInstance
from service.core.definitions import ProcessDefinition
from service.core.engine.memory import clocks_kept, names_seen
from service.core.engine.step import step
from service.core.errors import NotAllowed, NothingToDo, TaskClosed
from service.core.events import (
    ClockMoved,
    ClockStarted,
    Event,
    UserTaskCancelled,
    UserTaskCompleted,
    UserTaskCreated,
)
from service.core.forms import Submission


@dataclass(slots=True)
class Player:
    """A case and everything that has happened to it. ``dues`` are (instant, clock key, due) in order.

    ``taken`` are its steps, each as (instant, events).
    """

    definition: ProcessDefinition
    name: str
    state: bytes | None = None
    seq: int = 0
    outcome: str | None = None
    open: dict[str, UserTaskCreated] = field(default_factory=dict)
    happened: list[Event] = field(default_factory=list)
    dues: list[tuple[datetime, str, datetime]] = field(default_factory=list)
    taken: list[tuple[datetime, tuple[Event, ...]]] = field(default_factory=list)

    def start(self, message: str, who: str, data: Mapping[str, Any], at: datetime) -> Submission:
        """Start the case by a message. Raises a ``Rejection``."""
        if not access.may_start(self.definition, actor(who), message):
            raise NotAllowed(f"{who} may not start a case by {message}.")
        sent = self._submit(self.definition.message_element(message).properties.get("form"), data, at, None)
        self._take(StartInstance(message, sent.variables), at)
        return sent

    def send(self, message: str, who: str, data: Mapping[str, Any], at: datetime) -> Submission:
        """Send the case a message. Raises a ``Rejection``."""
        element = self.definition.message_element(message)
        if not access.may_send(self.definition, actor(who), message):
            raise NotAllowed(f"{who} may not send {message}.")
        self.let_pass(at)
        sent = self._submit(element.properties.get("form"), data, at, None)
        self._take(DeliverMessage(message, sent.variables), at)
        return sent

    def complete(self, element: str, item: str | None, who: str, data: Mapping[str, Any], at: datetime) -> Submission:
        """Complete an open task of an element. Raises a ``Rejection``."""
        self.let_pass(at)
        task = self.task(element, item, actor(who))
        if not access.may_do(actor(who), task.role, task.agency):
            raise NotAllowed(f"{who} may not do this: it is for {task.role}{'@' + task.agency if task.agency else ''}.")
        sent = self._submit(task.form, data, at, task.item)
        self._take(CompleteUserTask(task.task_id, sent.variables), at)
        return sent

    def let_pass(self, at: datetime) -> None:
        """Let time pass until ``at``."""
        try:
            self._take(FireTimers(), at)
        except NothingToDo:
            return

    def task(self, element: str, item: str | None, who: Actor) -> UserTaskCreated:
        """The open task of an element (and item); the actor's own comes first. Raises ``TaskClosed``."""
        found = [t for t in self.open.values() if t.element_id == element and item in {None, t.item}]
        if not found:
            now = ", ".join(sorted({t.element_id for t in self.open.values()})) or "nothing"
            raise TaskClosed(f"The task {element} is not open. Open now: {now}.")
        return min(found, key=lambda t: (not access.may_do(who, t.role, t.agency), t.task_id))

    def clocks(self) -> dict[str, Clock]:
        """The clocks as they stand."""
        return clocks_kept(self.state) if self.state is not None else {}

    def course(self, key: str, upto: datetime) -> Course | None:
        """The latest run of a time limit, as it stood at the instant ``upto``."""
        known = followed((self.definition, at, events) for at, events in self.taken if at <= upto)
        return next((course for course in reversed(known) if course.key == key), None)

    def names(self) -> dict[str, Any]:
        """The process variables as they stand."""
        return names_seen({}, self.state, None) if self.state is not None else {}

    def _submit(self, form: str | None, data: Mapping[str, Any], at: datetime, item: str | None) -> Submission:
        schema = self.definition.forms.get(form or "", {"components": []})
        lists = self.definition.specification.lists
        names = names_seen(lists, self.state, item) if self.state is not None else {}
        return forms.submit(schema, data, at=at, variables=names, directories=self.definition.directories)

    def _take(self, command: Command, at: datetime) -> None:
        outcome = step(self.definition, self.state, command, instance_id=self.name, at=at, seq=self.seq + 1)
        self.state, self.seq, self.outcome = outcome.state, self.seq + 1, outcome.outcome
        self.happened.extend(outcome.events)
        self.taken.append((at, outcome.events))
        for event in outcome.events:
            match event:
                case UserTaskCreated():
                    self.open[event.task_id] = event
                case UserTaskCompleted() | UserTaskCancelled():
                    self.open.pop(event.task_id, None)
                case ClockStarted():
                    self.dues.append((at, event.clock, event.due_at))
                case ClockMoved():
                    self.dues.append((at, event.clock, event.to_due))


def actor(who: str) -> Actor:
    """The person a scenario means by ``role`` or ``role@agency``."""
    role, _, agency = who.partition("@")
    return Actor(who, who, "", (Membership(role, agency or None, "scenario"),))
