"""Where a case stands, in words: one sentence, the steps done, now and next, and how each date was computed.

Pure: computed from rows and the definition the case is pinned to. A sum is only shown if it gives the date it explains.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from service.core import calendar
from service.core.definitions import Element, ProcessDefinition
from service.store.rows import CaseRow, ClockRow, TaskRow
from service.web.filters import british_date, british_day, british_time, counted, day, due_words, parse

STOPS = frozenset({"userTask", "endEvent", "callActivity", "subProcess", "manualTask", "task"})
"""Kinds of elements at which looking ahead ends."""
WAITS = frozenset({"intermediateCatchEvent", "receiveTask"})
MOST_AHEAD = 6
SUMS = re.compile(r"(months_after|working_days_after)\([^()]*?,\s*(\d{1,3})\)")


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit as pages show it. ``state`` is ``met``, ``met late``, ``breached``, ``stopped``, ``running``."""

    row: ClockRow
    state: str
    sum: str
    moved: str
    act_by: date
    clause: str


def sentence(
    definition: ProcessDefinition, case: CaseRow, open_tasks: list[TaskRow], at: datetime, opened_by: list[str]
) -> str:
    """Say where the case stands at the instant ``at``; ``opened_by`` names what would open a case that rests."""
    if case.status == "ended" and case.rests:
        since = f"{case.outcome_name}, since {british_date(case.ended_at)}."
        return f"{since} It can be opened again by: {'; '.join(opened_by)}." if opened_by else since
    if case.status == "ended":
        return f"This ended on {british_date(case.ended_at)}: {case.outcome_name or 'finished'}."
    if case.status == "suspended":
        return "This is on hold: nothing can be done in it, and nothing happens by itself, until it goes on."
    if case.status == "incident":
        return "A step could not be finished. The people who look after the service have been told."
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
    if key is None:
        return ""
    names = {str(row["id"]): str(row["name"]) for rows in definition.directories.values() for row in rows}
    return names.get(key, key)


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


def limit(definition: ProcessDefinition, row: ClockRow) -> Limit:
    """Explain one time limit."""
    clauses = (definition.clauses.get(key, {"id": key}) for key in row.clause.split())
    return Limit(
        row=row,
        state=_state(row),
        sum=_sum(row),
        moved=_moved(row),
        act_by=calendar.act_by(row.due_at),
        clause="; ".join(f"clause {clause['id']}, {clause.get('title', '')}".strip(", ") for clause in clauses),
    )


def _state(row: ClockRow) -> str:
    if row.met_at is not None:
        return "met" if row.met_in_time else "met late"
    if row.stopped_at is not None:
        return "stopped"
    return "breached" if row.breached_at is not None and row.breached_at >= row.due_at else "running"


def _moved(row: ClockRow) -> str:
    if not row.extensions:
        return ""
    times = "once" if row.extensions == 1 else f"{row.extensions} times"
    late = f" The first date had passed on {british_time(row.breached_at)}." if row.breached_at else ""
    return f"Changed {times}: first {british_day(row.original_due)}, now {british_day(row.due_at)}.{late}"


def _sum(row: ClockRow) -> str:
    """Show the sum that gives the first due date, if one of the basis does; else only what it counts from."""
    start = _start(row)
    if start is None:
        return ""
    for rule, number in SUMS.findall(row.basis):
        told = _months(start, int(number), row) if rule == "months_after" else _days(start, int(number), row)
        if told:
            return told
    return f"Counted from {british_date(start)}"


def _start(row: ClockRow) -> date | datetime | None:
    value = row.from_value
    if isinstance(value, str):
        try:
            return parse(value)
        except ValueError:
            return None
    return value if isinstance(value, date) else None


def _months(start: date | datetime, number: int, row: ClockRow) -> str:
    fits = day(calendar.months_after(start, number)) == day(row.original_due)
    return calendar.in_words(start, number) if fits else ""


def _days(start: date | datetime, number: int, row: ClockRow) -> str:
    due = calendar.working_days_after(start, number)
    if day(due) != day(row.original_due):
        return ""
    return f"{british_date(start)} + {counted(number, 'working day')} = {british_day(due)}"
