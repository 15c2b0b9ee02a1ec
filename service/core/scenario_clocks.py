"""What a scenario expects of a time limit: its dates, what became of it, how long it ran, what its sum says.

``{clock: secured, item: parks, at: …, due: …, act_by: …, breached: …, met: …, extended: …}`` as the limit stood at
``at``, else at the end; ``elapsed``, ``elapsed_working``, ``elapsed_less_holds`` and ``over`` are days; ``says`` are
words that the arithmetic of its dates holds. The clock of an item may also be written ``"secured:parks"``.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from service.core import clock_words
from service.core.calendar import LONDON, act_by
from service.core.clock_course import Course
from service.core.playing import Player
from service.core.scenario_reading import LINE, instant

NUMBERS = ("elapsed", "elapsed_working", "elapsed_less_holds", "over")
KNOWN = frozenset({"clock", "item", "at", "due", "act_by", "breached", "met", "extended", "says", *NUMBERS, LINE})


def differences(player: Player, named: str, wanted: Mapping[str, Any]) -> list[str]:
    """What is otherwise than ``wanted`` of the clock ``named``, in sentences."""
    key = named if wanted.get("item") is None else f"{named}:{wanted['item']}"
    unknown = sorted(wanted.keys() - KNOWN)
    if unknown:
        return [f"clock {key}: nothing is known of {unknown}; there is: {sorted(KNOWN - {LINE})}"]
    clock = player.clocks().get(key)
    if clock is None:
        return [f"there is no clock {key}; there are: {sorted(player.clocks())}"]
    at = instant(wanted["at"]) if "at" in wanted else None
    dues = [due for when, k, due in player.dues if k == key and (at is None or when <= at)]
    due = dues[-1] if dues else clock.first_due
    breached = bool(clock.breaches) if at is None else any(b < at for b in clock.breaches)
    day = due.astimezone(LONDON).date()
    found = {"due": day, "act_by": act_by(day), "breached": breached, "met": clock.met, "extended": len(dues) > 1}
    if wanted.keys() & {"says", *NUMBERS}:
        now = at or player.steps[-1].at
        course = player.course(key, now)
        if course is None:
            return [f"clock {key} had not begun by then"]
        found |= _lasted(course, now)
        if str(wanted.get("says", "")) not in _said(course):
            return [f"clock {key} should say “{wanted['says']}”; it says: {_said(course)}"]
    return [
        f"clock {key}: {name} should be {_shown(wanted[name])}; it is {_shown(value)}"
        for name, value in found.items()
        if name in wanted and value != wanted[name]
    ]


def _lasted(course: Course, now: datetime) -> dict[str, int]:
    known = course.numbers(now)
    return dict(zip(NUMBERS, (known.elapsed.calendar, known.elapsed.working, known.less_holds.calendar, known.over),
                    strict=True))  # fmt: skip


def _said(course: Course) -> str:
    return " ".join([clock_words.said(course), *clock_words.moved(course)])


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
