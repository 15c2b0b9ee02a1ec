"""Dates and intervals as people in Britain read them: "29 May 2013, 11:59pm", London time, "due in 3 days".

Pure: what needs the present instant is given it. Takes dates, aware datetimes, and the ISO texts that records keep.
"""

from datetime import date, datetime, time
from typing import TypeAlias
from zoneinfo import ZoneInfo

from service.core.forms_wording import lowered

LONDON = ZoneInfo("Europe/London")
Moment: TypeAlias = date | datetime | str
SOON_DAYS = 7


def local(value: Moment) -> date | datetime:
    """Return ``value`` with texts parsed and instants put into London time; a naive datetime is already London's."""
    parsed = parse(value) if isinstance(value, str) else value
    if not isinstance(parsed, datetime):
        return parsed
    return parsed.replace(tzinfo=LONDON) if parsed.tzinfo is None else parsed.astimezone(LONDON)


def parse(text: str) -> date | datetime:
    """Read an ISO date or datetime; raises ``ValueError`` for anything else."""
    return date.fromisoformat(text) if len(text) == len("2013-05-29") else datetime.fromisoformat(text)


def day(value: Moment) -> date:
    """Return the London calendar day of ``value``."""
    moment = local(value)
    return moment.date() if isinstance(moment, datetime) else moment


def british_date(value: Moment | None) -> str:
    """``29 May 2013``; an absent value gives an empty text."""
    if value is None or value == "":
        return ""
    on = day(value)
    return f"{on.day} {on:%B %Y}"


def british_day(value: Moment) -> str:
    """``Saturday 29 June 2013``."""
    return f"{day(value):%A} {british_date(value)}"


def clock_time(at: time) -> str:
    """``11:59pm``, ``9am``, ``midday``, ``midnight``."""
    if (at.hour, at.minute) in {(0, 0), (12, 0)}:
        return "midday" if at.hour else "midnight"
    minutes = f":{at.minute:02}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minutes}{'am' if at.hour < 12 else 'pm'}"


def british_time(value: Moment | None) -> str:
    """``29 May 2013, 11:59pm`` in London; a bare date has no time of day."""
    if value is None or value == "":
        return ""
    moment = local(value)
    return british_date(moment) + (f", {clock_time(moment.timetz())}" if isinstance(moment, datetime) else "")


def counted(number: int, noun: str) -> str:
    """``1 day``, ``2 days``: a number with its regular noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def due_words(due: Moment, at: datetime) -> str:
    """Say how far off ``due`` is at the instant ``at``: whole London days, hours within the last day."""
    moment = local(due)
    apart = (day(moment) - day(at)).days
    late = moment < at if isinstance(moment, datetime) else apart < 0
    if late:
        return f"{counted(-apart, 'day')} overdue" if apart else "overdue since today"
    return {0: "due today", 1: "due tomorrow"}.get(apart, f"due in {counted(apart, 'day')}")


def is_overdue(due: Moment | None, at: datetime) -> bool:
    """True once ``due`` lies before ``at``."""
    if due is None:
        return False
    moment = local(due)
    return moment < at if isinstance(moment, datetime) else moment < day(at)


def is_soon(due: Moment, at: datetime) -> bool:
    """True within the last week before ``due``."""
    return (day(due) - day(at)).days <= SOON_DAYS


def paragraphs(text: str | None) -> list[list[str] | str]:
    """Split guidance into paragraphs; a run of ``- `` lines becomes a list of its items."""
    blocks: list[list[str] | str] = []
    for chunk in (text or "").replace("\r", "").split("\n\n"):
        run: list[str] = []
        for line in filter(None, (raw.strip() for raw in chunk.split("\n"))):
            if line.startswith("- "):
                _flush(run, blocks)
                _bullet(line[2:], blocks)
            else:
                run.append(line)
        _flush(run, blocks)
    return blocks


def _flush(run: list[str], blocks: list[list[str] | str]) -> None:
    if run:
        blocks.append(" ".join(run))
        run.clear()


def _bullet(item: str, blocks: list[list[str] | str]) -> None:
    if blocks and isinstance(blocks[-1], list):
        blocks[-1].append(item)
    else:
        blocks.append([item])


def upper_first(text: str) -> str:
    """Begin ``text`` with a capital and leave the rest as it is."""
    return text[:1].upper() + text[1:]


FILTERS = {
    "british_date": british_date,
    "british_day": british_day,
    "british_time": british_time,
    "counted": counted,
    "due_words": due_words,
    "is_overdue": is_overdue,
    "is_soon": is_soon,
    "lowered": lowered,
    "paragraphs": paragraphs,
    "upper_first": upper_first,
}
