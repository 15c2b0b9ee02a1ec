"""The time limits of a case as pages show them: what is overdue first, then what runs, then what is over.

The limits of a repeated step's items stand under one heading. Pure: made from the courses of the limits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from service.core import calendar, clock_words
from service.core.clock_course import Course
from service.core.clocks import declared
from service.core.definitions import ProcessDefinition
from service.web.filters import british_date, british_day, british_time, counted, due_words, is_soon, upper_first

RUNNING, COUNTING, OVER = range(3)


@dataclass(frozen=True, slots=True)
class Limit:
    """One time limit: its name, a tag, when it is due, and what explains it.

    ``facts`` and ``numbers`` are pairs of a name and what is to be said.
    """

    name: str
    tag: str
    colour: str
    due: str
    set_by: str
    arithmetic: str
    moved: tuple[str, ...]
    facts: tuple[tuple[str, tuple[str, ...]], ...]
    numbers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Time limits under one heading; ``summary`` counts them where they are those of items, else it is empty.

    ``over`` once none of them runs any more.
    """

    name: str
    summary: str
    limits: tuple[Limit, ...]
    over: bool


def groups(definition: ProcessDefinition, courses: Sequence[Course], now: datetime) -> list[Group]:
    """The time limits of a case at the instant ``now``."""
    found: dict[str, list[Course]] = {}
    for course in courses:
        found.setdefault(f"{declared(course.key)}:" if course.item else f"{course.key} {course.run}", []).append(course)
    ranked = sorted(found.values(), key=lambda some: min(map(_order, some)))
    return [_group(definition, some, now) for some in ranked]


def sentences(courses: Iterable[Course], now: datetime) -> list[str]:
    """What became of each time limit by ``now``, in a sentence each."""
    ordered = sorted(courses, key=_order)
    return [f"{_with_run(course.name, course)}: {clock_words.became(course, now)}" for course in ordered]


def _group(definition: ProcessDefinition, courses: list[Course], now: datetime) -> Group:
    ordered = sorted(courses, key=_order)
    first, over = ordered[0], all(course.ended_at is not None for course in ordered)
    if first.item is None:
        return Group(_with_run(first.name, first), "", (_limit(definition, first, first.name, now),), over)
    limits = tuple(_limit(definition, c, _with_run(_item(definition, c), c), now) for c in ordered)
    return Group(first.name.removesuffix(f": {_item(definition, first)}"), _summary(ordered, now), limits, over)


def _item(definition: ProcessDefinition, course: Course) -> str:
    return definition.listed_as(course.item)


def _with_run(name: str, course: Course) -> str:
    return name if course.run == 1 else f"{name} ({calendar.ordinal(course.run)} time)"


def _summary(courses: Iterable[Course], now: datetime) -> str:
    some = list(courses)
    met, late = sum(c.met_at is not None for c in some), sum(c.overdue(now) for c in some)
    return f"{met} of {len(some)} met{f', {late} overdue' if late else ''}"


def _order(course: Course) -> tuple[int, float]:
    """What runs comes first, by its date, so what is overdue leads; what is over comes last, the latest first."""
    if course.ended_at is not None:
        return OVER, -course.ended_at.timestamp()
    return COUNTING if course.only_counts else RUNNING, course.due.timestamp()


def _limit(definition: ProcessDefinition, course: Course, name: str, now: datetime) -> Limit:
    tag, colour = _tag(course, now)
    return Limit(
        name=name, tag=tag, colour=colour, due=_due(course), arithmetic=clock_words.said(course),
        moved=tuple(clock_words.moved(course)), facts=tuple(_facts(course, now)), set_by=_set_by(definition, course),
        numbers=tuple(clock_words.lasted(course.numbers(now))),
    )  # fmt: skip


def _tag(course: Course, now: datetime) -> tuple[str, str]:
    if course.met_at is not None:
        if course.only_counts:
            return "Done", "green"
        return ("Met in time", "green") if course.in_time else ("Done late", "red")
    if course.stopped_at is not None:
        return "No longer applies", "grey"
    if course.only_counts:
        return f"{counted(course.numbers(now).elapsed.working, 'working day')} so far", "blue"
    if course.overdue(now):
        return "Missed", "red"
    return upper_first(due_words(course.due, now)), "yellow" if is_soon(course.due, now) else "grey"


def _due(course: Course) -> str:
    if course.only_counts:
        return f"No limit: counted since {british_date(course.start)}"
    by = calendar.act_by(course.due)
    act = f"; act by {british_day(by)}" if course.ended_at is None and by != calendar.london_date(course.due) else ""
    return f"Due {british_time(course.due)}{act}"


def _facts(course: Course, now: datetime) -> Iterable[tuple[str, tuple[str, ...]]]:
    yield "Counted from", (_moment(course.start),)
    if course.breaches:
        yield "Passed unmet", tuple(british_time(breach) for breach in course.breaches)
    if course.holds:
        yield "Held", tuple(clock_words.holds_told(course.holds))
    yield "What became of it", (clock_words.became(course, now),)


def _moment(start: date) -> str:
    return british_time(start) if isinstance(start, datetime) else british_date(start)


def _set_by(definition: ProcessDefinition, course: Course) -> str:
    clauses = (definition.clauses.get(key, {"id": key}) for key in course.clause.split())
    told = "; ".join(f"clause {clause['id']}, {clause.get('title', '')}".strip(", ") for clause in clauses)
    return upper_first(clock_words.kind_words(course)) + (f": {told}" if told else "")
