"""Where a case stands, in words: one sentence, the steps done, now and next.

Pure: computed from rows and the definition the case is pinned to.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime

from service.core.definitions import Element, ProcessDefinition
from service.store.rows import CaseRow, TaskRow
from service.web.filters import british_date, counted, due_words

STOPS = frozenset({"userTask", "endEvent", "callActivity", "subProcess", "manualTask", "task"})
"""Kinds of elements at which looking ahead ends."""
WAITS = frozenset({"intermediateCatchEvent", "receiveTask"})
MOST_AHEAD = 6


def sentence(
    definition: ProcessDefinition, case: CaseRow, open_tasks: list[TaskRow], at: datetime, opened_by: list[str],
    *, whole: bool = True,
) -> str:  # fmt: skip
    """Say where the case stands at the instant ``at``; ``opened_by`` names what would open a case that rests.

    Not ``whole``: for who sees only what is their own.
    """
    if case.status == "ended" and case.rests:
        since = f"{case.outcome_name}, since {british_date(case.ended_at)}."
        return f"{since} It can be opened again by: {'; '.join(opened_by)}." if opened_by else since
    if case.status == "ended":
        return f"This ended on {british_date(case.ended_at)}: {case.outcome_name or 'finished'}."
    if case.status == "suspended":
        return "This is on hold: nothing can be done in it, and nothing happens by itself, until it goes on."
    if case.status == "incident":
        return "A step could not be finished. The people who look after the service have been told."
    if not open_tasks and not whole:
        return "Nothing waits for you or your colleagues here now."
    if not open_tasks:
        return "Nobody has a task now. It is waiting for a date or for news from outside."
    dated = [task for task in open_tasks if task.due_at]
    first = min(dated, key=lambda task: str(task.due_at), default=open_tasks[0])
    due = f", {due_words(first.due_at, at)}" if first.due_at else ""
    others = len(open_tasks) - 1
    more = f", and {counted(others, 'other task')} {'is' if others == 1 else 'are'} open" if others else ""
    return f"Waiting for {group(definition, first)}: “{first.name}”{due}{more}."


def group(definition: ProcessDefinition, task: TaskRow) -> str:
    """Return whom a task is for, in words: the role, and the agency it is narrowed to."""
    role = definition.role_name(task.role)
    return f"{role}, {listed_as(definition, task.agency)}" if task.agency else role


def item(definition: ProcessDefinition, task: TaskRow) -> str:
    """Return what a task is about when it is one of several alike: the name of its item, else an empty text."""
    return listed_as(definition, task.item) if task.item else ""


def named(definition: ProcessDefinition, task: TaskRow) -> str:
    """Return the name of a task with what it is about."""
    return ": ".join(filter(None, (task.name, item(definition, task))))


def listed_as(definition: ProcessDefinition, key: str | None) -> str:
    """Return the name a directory gives to the id ``key``, else the id; an empty text for none."""
    return definition.listed_as(key)


def ahead(definition: ProcessDefinition, open_tasks: list[TaskRow]) -> list[Element]:
    """Return what may come next after the open tasks: the nearest steps along the diagram, at most six."""
    now = {(task.process_id, task.element_id) for task in open_tasks}
    found: dict[tuple[str, str], Element] = {}
    for process_id, element_id in sorted(now):
        for element in _after(definition, process_id, element_id):
            place = (element.process, element.id)
            if place not in now and element.name:
                found.setdefault(place, element)
    return list(found.values())[:MOST_AHEAD]


def _after(definition: ProcessDefinition, process_id: str, element_id: str) -> Iterator[Element]:
    process = definition.processes[process_id]
    seen, waiting = {element_id}, deque([element_id])
    while waiting:
        here = waiting.popleft()
        for target in (to for source, to in process.flows if source == here and to not in seen):
            seen.add(target)
            element = process.elements[target]
            if element.kind in STOPS | WAITS:
                yield element
            else:
                waiting.append(target)
