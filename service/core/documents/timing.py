"""Time limits in a document: what expressions see of them, and the three numbers that tell how long something took.

The three are whole London days: from the start to the end (or to the present), the same without the days on hold, and
the days over the first date that was set. A later date that was agreed changes none of them.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from service.core.calendar import days_between, london_date
from service.core.definitions import ProcessDefinition
from service.core.documents.facts import Limit
from service.core.documents.parts import Cell, Column, Table
from service.core.forms_show import british

NOTHING: Mapping[str, Any] = {
    "name": None, "due": None, "first_due": None, "started": None, "met": False, "met_at": None, "breached": False,
    "overdue": False, "extensions": 0, "days": None, "days_without_holds": None, "days_over": None,
}  # fmt: skip
"""What expressions see of a time limit that has not begun."""


def clocks_seen(
    definition: ProcessDefinition, limits: Iterable[Limit], variables: Mapping[str, Any], at: datetime
) -> dict[str, dict[str, Any]]:
    """What expressions see as ``clocks.<key>``: every clock the diagrams declare, begun or not."""
    held = held_by(definition)
    found: dict[str, dict[str, Any]] = {key: dict(NOTHING) for key in held}
    for limit in limits:
        days, without, over = three(limit, _holds(limit, held, variables), at)
        found[limit.key] = {
            "name": limit.name, "due": limit.due, "first_due": limit.first_due, "started": limit.started_from,
            "met": limit.met_at is not None, "met_at": limit.met_at, "breached": limit.breached,
            "overdue": limit.overdue, "extensions": limit.extensions, "days": days, "days_without_holds": without,
            "days_over": over,
        }  # fmt: skip
    return found


def held_by(definition: ProcessDefinition) -> dict[str, str]:
    """Every clock the diagrams declare, with the variable that lists its holds, or an empty text."""
    elements = (e for p in definition.processes.values() for e in p.elements.values())
    return {e.properties["clock"]: e.properties.get("held", "") for e in elements if "clock" in e.properties}


def _holds(limit: Limit, held: Mapping[str, str], variables: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = variables.get(held.get(limit.key.partition(":")[0], ""))
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def three(limit: Limit, holds: Iterable[Mapping[str, Any]], at: datetime) -> tuple[int | None, int | None, int]:
    """The three numbers of a limit as of ``at``; the first two ``None`` where what it counts from is no date."""
    end = limit.met_at or limit.stopped_at or at
    over = max(0, days_between(limit.first_due, end))
    if not isinstance(limit.started_from, date):
        return None, None, over
    days = days_between(limit.started_from, end)
    return days, days - held_days(holds, limit.started_from, end), over


def held_days(holds: Iterable[Mapping[str, Any]], start: date, end: date) -> int:
    """The days on hold between two dates, a day in two holds counted once."""
    first, last = london_date(start), london_date(end)
    days: set[int] = set()
    for hold in holds:
        begins, ends = hold.get("from"), hold.get("to") or end
        if isinstance(begins, date) and isinstance(ends, date):
            a, b = max(first, london_date(begins)), min(last, london_date(ends))
            days.update(range(a.toordinal(), b.toordinal()))
    return len(days)


def became(limit: Limit) -> str:
    """What became of a limit, in words."""
    if limit.met_at is not None:
        late = limit.met_at > limit.due
        return f"Done {'late' if late else 'in time'}, {british(london_date(limit.met_at))}"
    if limit.stopped_at is not None:
        return f"No longer applies since {british(london_date(limit.stopped_at))}"
    return "Missed, and still open" if limit.overdue else "Running"


def table(
    limits: Iterable[Limit], definition: ProcessDefinition, variables: Mapping[str, Any], at: datetime, caption: str
) -> Table:
    """The time limits with their dates and the three numbers."""
    held = held_by(definition)
    labels = ("Time limit", "Counted from", "First due", "Due", "What became of it")
    counted = ("Days taken", "Days without holds", "Days over the first date")
    rows = tuple(_row(limit, three(limit, _holds(limit, held, variables), at), definition) for limit in limits)
    return Table(caption, (*(Column(x) for x in labels), *(Column(x, numbers=True) for x in counted)), rows)


def _row(limit: Limit, numbers: Iterable[int | None], definition: ProcessDefinition) -> tuple[Cell, ...]:
    name = ": ".join(filter(None, (limit.name, _item(limit, definition))))
    start = british(london_date(limit.started_from)) if isinstance(limit.started_from, date) else ""
    dues = (british(london_date(limit.first_due)), british(london_date(limit.due)))
    words = (Cell(text) for text in (name, start, *dues, became(limit)))
    return (*words, *(Cell("" if n is None else f"{n:,}", n) for n in numbers))


def _item(limit: Limit, definition: ProcessDefinition) -> str:
    item = limit.key.partition(":")[2]
    names = {str(row["id"]): str(row["name"]) for rows in definition.directories.values() for row in rows}
    return names.get(item, item)
