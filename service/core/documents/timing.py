"""Time limits in a document: what expressions see of them, and their table with the sum and the three numbers.

The three are whole London days: from the start to the end (or to the present), the same without the days on hold, and
the days over the first date that was set. A later date that was agreed changes none of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from service.core.calendar import british
from service.core.clock_course import Course
from service.core.clock_words import became, kind_words, moved, said
from service.core.definitions import ProcessDefinition
from service.core.documents.parts import Cell, Column, Table

NOTHING: Mapping[str, Any] = {
    "name": None, "due": None, "first_due": None, "started": None, "met": False, "met_at": None, "breached": False,
    "overdue": False, "extensions": 0, "days": None, "days_without_holds": None, "days_held": None, "days_over": None,
}  # fmt: skip
"""What expressions see of a time limit that has not begun."""


def clocks_seen(definition: ProcessDefinition, limits: Iterable[Course], at: datetime) -> dict[str, dict[str, Any]]:
    """What expressions see as ``clocks.<key>``: every clock the diagrams declare, begun or not; its newest run."""
    elements = (e for p in definition.processes.values() for e in p.elements.values())
    found = {e.properties["clock"]: dict(NOTHING) for e in elements if "clock" in e.properties}
    return found | {course.key: _seen(course, at) for course in limits}


def _seen(course: Course, at: datetime) -> dict[str, Any]:
    numbers = course.numbers(at)
    return {
        "name": course.name, "due": course.due, "first_due": course.first_due, "started": course.started_from,
        "met": course.met_at is not None, "met_at": course.met_at, "breached": bool(course.breaches),
        "overdue": course.overdue(at), "extensions": len(course.settings) - 1, "days": numbers.elapsed.calendar,
        "days_without_holds": numbers.less_holds.calendar, "days_held": numbers.held.calendar,
        "days_over": numbers.over,
    }  # fmt: skip


def table(limits: Sequence[Course], at: datetime, caption: str) -> Table:
    """The time limits with how each date was worked out, what became of it, and the three numbers."""
    heads = (
        *(Column(x) for x in ("Time limit", "Set by", "How the date was worked out", "What became of it")),
        *(Column(x, numbers=True) for x in ("Days elapsed", "Days less holds", "Days over the first date")),
    )
    return Table(caption, heads, tuple(_row(course, at) for course in limits))


def _row(course: Course, at: datetime) -> tuple[Cell, ...]:
    numbers = course.numbers(at)
    sums = "\n".join(filter(None, (said(course) or f"Counted from {british(course.start)}", *moved(course))))
    name = course.name + (f", run {course.run}" if course.run > 1 else "")
    days = (numbers.elapsed.calendar, numbers.less_holds.calendar, numbers.over)
    words = (name, kind_words(course), sums, became(course, at))
    return (*map(Cell, words), *(Cell(f"{n:,}", n) for n in days))
