"""Timers: whether each body can be evaluated, and whether what it gives is a time that is safe to wait for.

A body is an expression: a text such as ``"P10D"`` stands in quotes, a date may be computed. Months and years are
refused in durations (their length depends on the day they are counted from), and so are dates without an offset.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from lxml import etree

from service.core import expressions_timers
from service.core.expressions import ExprError
from service.core.gate import formulas
from service.core.gate.finding import Finding, error, warning
from service.core.gate.model import Bundle, Node, Scope, local, text_of
from service.core.gate.xml_door import NS

LONGEST_DAYS = 3_660
SHORTEST_CYCLE_HOURS = 1
MOST_TURNS = 200
GIVE_DATES = {
    "months_after", "end_of_day", "working_days_after", "act_by", "date", "datetime", "today", "now", "later",
    "earlier",
}  # fmt: skip
GIVE_LENGTHS = {"days", "weeks", "hours", "months", "years"}
NO_TIME = (
    ast.Compare, ast.BoolOp, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.GeneratorExp,
)  # fmt: skip
GIVE_NO_TIME = {"len", "any", "all", "round", "int", "float", "bool", "is_working_day", "days_between"}
MENDS = {
    "timeDate": "Write for example months_after(held_on, 1), or end_of_day(date(2026, 10, 25)).",
    "timeDuration": 'Write for example "P10D" (in quotes), or days(10).',
    "timeCycle": 'Write for example "R3/P7D" (in quotes): three times, every seven days.',
}

_DURATION = re.compile(
    r"P(?:(?P<weeks>[0-9]+(?:[.][0-9]+)?)W"
    r"|(?:(?P<years>[0-9]+)Y)?(?:(?P<months>[0-9]+)M)?(?:(?P<days>[0-9]+(?:[.][0-9]+(?=D$))?)D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]+(?:[.][0-9]+(?=H$))?)H)?(?:(?P<minutes>[0-9]+(?:[.][0-9]+(?=M$))?)M)?"
    r"(?:(?P<seconds>[0-9]+(?:[.][0-9]+)?)S)?)?)"
)
_LOOKS_LIKE_TIME = re.compile(r"^(R[0-9]*/)?-?P[0-9T][0-9A-Z.,]*$|^[0-9]{4}-[0-9]{2}-[0-9]{2}", re.IGNORECASE)


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what is wrong with the timers of the diagrams that will be run."""
    given = {"local": bundle.local}
    for scope in bundle.running:
        for node in scope.nodes.values():
            for definition in node.xml.iterfind("bpmn:timerEventDefinition", NS):
                yield from _timer(scope, node, definition, given)


def _timer(
    scope: Scope, node: Node, definition: etree._Element, given: Mapping[str, object]
) -> Iterator[Finding]:
    bodies = [c for c in definition if local(c) in {"timeDate", "timeDuration", "timeCycle"}]
    if not bodies or not text_of(bodies[0]):
        message = f"{node.words} is a timer that says no time."
        yield error(scope.file, definition, "timer-missing", message, "Write a date, a duration or a cycle.")
        return
    body, text = bodies[0], text_of(bodies[0])
    wrong = formulas.problem(text)
    if wrong or _LOOKS_LIKE_TIME.match(text):
        yield _unreadable(scope, node, body, text, wrong)
        return
    for level, rule, message, mend in _told(local(body), text, given):
        tell = error if level == "error" else warning
        yield tell(scope.file, body, rule, f"{node.words}: {message}", mend)


def _unreadable(scope: Scope, node: Node, body: etree._Element, text: str, wrong: str | None) -> Finding:
    if _LOOKS_LIKE_TIME.match(text):
        message = f"{node.words} has a time without quotation marks: {text}."
        return error(scope.file, body, "timer", message, f'Put it in quotation marks: "{text}".')
    message = f"{node.words} has a time that cannot be worked out: {wrong}"
    return error(scope.file, body, "timer", message, formulas.hint(text) or MENDS[local(body)])


Told = Iterator[tuple[str, str, str, str]]


def _told(kind: str, text: str, given: Mapping[str, object]) -> Told:
    found = formulas.value(text, given)
    if found is None:
        yield from _computed(kind, text)
        return
    value, wrong = found
    look, read = {
        "timeDate": (_date, expressions_timers.instant),
        "timeDuration": (_duration, expressions_timers.duration),
        "timeCycle": (_cycle, expressions_timers.cycle),
    }[kind]
    said = list(look(value)) if isinstance(value, str) and not wrong else []
    yield from said
    if not any(level == "error" for level, *_ in said):
        yield from _refused(kind, wrong, read, value)


def _refused(kind: str, wrong: str | None, read: Callable[[object], str], value: object) -> Told:
    """What the engine itself would answer to a value that looks right."""
    try:
        told = wrong or (read(value) and None)
    except ExprError as refused:
        told = f"{str(refused).rstrip('.')}."
    if told:
        yield "error", "timer", told, MENDS[kind]


def _date(value: str) -> Told:
    mend = 'Write it with its offset, as in "2026-10-25T17:00:00+00:00", or as end_of_day(date(2026, 10, 25)).'
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        yield "error", "timer", f"“{value}” is not a date that exists.", mend
        return
    if found.tzinfo is None:
        yield "error", "naive-date", f"“{value}” does not say in which time zone.", mend
    elif not value.isascii():
        yield "error", "timer", f"“{value}” is not written in plain figures.", mend


def _duration(value: str) -> Told:
    yield from _length(value, least_hours=0)


def _length(text: str, *, least_hours: float) -> Told:
    found = _DURATION.fullmatch(text)
    given = {k: v for k, v in found.groupdict().items() if v is not None} if found else {}
    parts = {k: float(v) for k, v in given.items() if len(v) < 10}
    if len(parts) < len(given):
        yield "error", "timer-too-long", f"“{text}” is longer than ten years.", "Write a shorter time."
    elif not parts:
        if re.fullmatch(r"P[0-9.,]*[YM].*", text):
            yield _months(text)
            return
        mend = 'Write for example "P10D" (ten days), "P2W" (two weeks) or "PT12H" (twelve hours).'
        yield "error", "timer", f"“{text}” is not a length of time.", mend
    elif "months" in parts or "years" in parts:
        yield _months(text)
    else:
        yield from _measured(text, parts, least_hours)


def _months(text: str) -> tuple[str, str, str, str]:
    message = f"“{text}” counts months or years, whose length depends on the day they are counted from."
    return "error", "months-in-duration", message, "Use a date instead: months_after(came_on, 1)."


def _measured(text: str, parts: dict[str, float], least_hours: float) -> Told:
    hours = (
        parts.get("weeks", 0) * 168 + parts.get("days", 0) * 24 + parts.get("hours", 0)
        + parts.get("minutes", 0) / 60 + parts.get("seconds", 0) / 3600
    )  # fmt: skip
    if hours > LONGEST_DAYS * 24:
        yield "error", "timer-too-long", f"“{text}” is longer than ten years.", "Write a shorter time."
    elif hours < least_hours:
        message = f"“{text}” comes round more than once an hour."
        yield "error", "cycle-too-short", message, "Let it repeat hourly or more slowly."
    elif hours == 0:
        yield "warning", "timer-zero", f"“{text}” is no time at all: it falls due at once.", "Write a longer time."


def _cycle(value: str) -> Told:
    mend = 'Write for example "R3/P7D": three times, every seven days.'
    parts = value.split("/")
    turns = re.fullmatch(r"R([0-9]*)", parts[0])
    if turns is None or len(parts) not in {2, 3}:
        yield "error", "timer", f"“{value}” is not a repeated time.", mend
        return
    if not turns[1]:
        message = f"“{value}” repeats without end."
        yield "error", "cycle-too-often", message, f'Say how often, at most {MOST_TURNS} times: "R12/{parts[-1]}".'
    elif len(turns[1]) > 6 or not 1 <= int(turns[1]) <= MOST_TURNS:
        yield "error", "cycle-too-often", f"“{value}” repeats {turns[1]} times.", f"Say 1 to {MOST_TURNS} times."
    dates = [p for p in parts[1:] if not p.startswith("P")]
    lengths = [p for p in parts[1:] if p.startswith("P")]
    if len(lengths) != 1:
        yield "error", "timer", f"“{value}” is not a repeated time.", mend
        return
    for part in dates:
        yield from _date(part)
    for part in lengths[:1]:
        for level, rule, message, told in _length(part, least_hours=SHORTEST_CYCLE_HOURS):
            days = 'Count in days or weeks, as in "R3/P4W".'
            yield level, rule, message, days if rule == "months-in-duration" else told


def _computed(kind: str, text: str) -> Told:
    """What the form of a computed body already tells: a date where a length is wanted, or the other way round."""
    tree = ast.parse(text, mode="eval").body
    called = tree.func.id if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) else None
    if kind != "timeDate" and called in GIVE_DATES:
        yield "error", "timer", "a length of time is wanted here, and this is a date.", "Make it a date timer."
    if kind == "timeDate" and called in GIVE_LENGTHS:
        yield "error", "timer", "a date is wanted here, and this is a length of time.", "Make it a duration timer."
    if kind != "timeDate" and called in {"months", "years"}:
        yield _months(text)
    negated = isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not)
    if negated or isinstance(tree, NO_TIME) or called in GIVE_NO_TIME:
        yield "error", "timer", "what is worked out here is no time.", MENDS[kind]
