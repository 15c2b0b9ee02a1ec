"""What a browser sends for a form: read into answers to judge, and kept exactly as typed to show again.

Promises: nothing typed is lost, however wrong it is; a question that the answers hide is left out of what is judged but
carried along; only the form's own fields are read, and others refused. Dates come in parts, rows as
``children-0-name``, and the buttons that add, remove and refresh need no script.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from werkzeug.datastructures import MultiDict

from service.core.errors import Problem
from service.core.forms_door import MOST_ROWS
from service.core.forms_fields import missing
from service.core.forms_shape import (
    Component,
    components_of,
    is_instant,
    is_required,
    key_of,
    label_of,
    questions,
    shown,
)

Sent: TypeAlias = "MultiDict[str, str]"
Typed: TypeAlias = dict[str, Any]

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
FRAME = frozenset({"csrf_token", "key", "_action", "_asked", "confirm_warnings"})
"""What a page sends beside the answers."""
TIME = re.compile(r"([0-9]{1,2})(?:[:.]?([0-9]{2}))?\s*(am|pm)?")
ACTION = re.compile(r"(add|remove):([A-Za-z0-9_-]{1,200}?)(?::([0-9]{1,3}))?")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was sent. ``raw`` goes to ``core.forms.submit``, ``typed`` to the page that shows it again.

    ``action`` is ``save``, ``draft``, ``refresh``, ``add`` or ``remove`` (the last two have been done to ``typed``).
    ``appeared`` names questions that these answers bring up and that were not on the page: show them before anything
    is kept.
    """

    raw: dict[str, object]
    typed: Typed
    action: str
    appeared: tuple[Problem, ...] = ()


def read(form: Component, sent: Sent) -> Reading:
    """Read a posted form. Never fails, whatever was sent; judging is ``submit``'s part."""
    typed = _typed(form, sent, "")
    button = sent.get("_action") or "save"
    action = button if button in ("save", "refresh", "draft") else _change_rows(form, typed, button)
    raw = answers(form, typed)
    before = sent.get("_asked")
    appeared = () if before is None else tuple(_appeared(form, raw, {}, "", frozenset(before.split())))
    return Reading(raw, typed, action, appeared)


def has_strangers(form: Component, sent: Sent) -> bool:
    """Whether something was sent that no field of this form asks for: a page never does, and it is never dropped."""
    known = re.compile("|".join(_names(form)) or r"(?!)")
    return not all(name in FRAME or known.fullmatch(name) for name in sent)


def _names(holder: Component) -> Iterator[str]:
    """The names a page may send for a form, as regular expressions."""
    for question in questions(components_of(holder)):
        key = re.escape(key_of(question))
        match question["type"]:
            case "dynamiclist":
                yield f"{key}-rows"
                yield from (f"{key}-[0-9]{{1,3}}-(?:{inner})" for inner in _names(question))
            case "datetime":
                yield f"{key}-(?:{'|'.join(parts_of(question))})"
            case _:
                yield key


def answers(form: Component, typed: Typed) -> dict[str, object]:
    """Return what was typed as answers to judge, without the questions that the answers themselves hide."""
    return _visible(form, _raw(form, typed), {})


def _typed(holder: Component, sent: Sent, prefix: str) -> Typed:
    found: Typed = {}
    for question in questions(components_of(holder)):
        key = key_of(question)
        if question["type"] == "dynamiclist":
            rows = _row_count(sent, prefix + key)
            if rows is not None:
                found[key] = [_typed(question, sent, f"{prefix}{key}-{number}-") for number in range(rows)]
        else:
            found[key] = _typed_value(question, sent, prefix + key)
    return found


def _typed_value(question: Component, sent: Sent, name: str) -> Any:
    if question["type"] == "datetime":
        return {part: sent.get(f"{name}-{part}", "") for part in parts_of(question)}
    return sent.getlist(name) if question["type"] == "checklist" else sent.get(name, "")


def parts_of(question: Component) -> tuple[str, ...]:
    """Return the boxes in which a date is typed."""
    return ("day", "month", "year", "time") if is_instant(question) else ("day", "month", "year")


def _row_count(sent: Sent, name: str) -> int | None:
    """Return how many rows were sent: as the page says, or as many as have answers; ``None`` if the list was not."""
    numbered = re.compile(re.escape(name) + r"-([0-9]{1,3})-")
    used = [int(match[1]) + 1 for match in map(numbered.match, sent) if match]
    said = sent.get(f"{name}-rows", "")
    if said.isascii() and said.isdecimal():
        used.append(int(said[:4]))
    return min(max(used), MOST_ROWS + 1) if used else None


def _raw(holder: Component, typed: Typed) -> dict[str, object]:
    found = ((question, typed.get(key_of(question))) for question in questions(components_of(holder)))
    return {key_of(question): _answer(question, value) for question, value in found}


def _answer(question: Component, value: Any) -> object:
    match question["type"]:
        case "datetime":
            return _date_text(question, value or {})
        case "checkbox":
            return {"true": True, "": False, None: False}.get(value, value)
        case "dynamiclist":
            return [_raw(question, row) for row in value or []]
    return value


def _date_text(question: Component, parts: Mapping[str, str]) -> str | None:
    """Return ``2013-05-29`` or ``2013-05-29T14:30``; what is no date stays recognisable, so that it can be named."""
    given = {part: parts.get(part, "").strip() for part in parts_of(question)}
    if not any(given.values()):
        return None
    day, month = (value.zfill(2) if value else "" for value in (given["day"], _month(given["month"])))
    text = f"{given['year']}-{month}-{day}"
    return f"{text}T{_time(given['time'])}" if "time" in given else text


def _month(text: str) -> str:
    named = [number for number, name in enumerate(MONTHS, 1) if len(text) > 2 and name.startswith(text.lower())]
    return str(named[0]) if named else text


def _time(text: str) -> str:
    """Return ``HH:MM`` for ``14:30``, ``1430``, ``2.30pm``, ``9am`` or ``midday``; anything else as it was typed."""
    if text.lower() in ("midday", "noon"):
        return "12:00"
    match = TIME.fullmatch(text.lower())
    if match is None or not (match[2] or match[3]):
        return text
    hour = int(match[1])
    if match[3]:
        if not 1 <= hour <= 12:
            return text
        hour = hour % 12 + (12 if match[3] == "pm" else 0)
    return f"{hour:02}:{match[2] or '00'}"


def _visible(holder: Component, raw: Mapping[str, Any], scope: Mapping[str, object]) -> dict[str, object]:
    left, known = shown(components_of(holder), raw, scope)
    return {
        key_of(question): [_visible(question, row, known) for row in raw[key_of(question)]]
        if question["type"] == "dynamiclist"
        else raw[key_of(question)]
        for question in questions(left)
    }


def _appeared(
    holder: Component, raw: Mapping[str, Any], scope: Mapping[str, object], prefix: str, before: frozenset[str]
) -> Iterator[Problem]:
    left, known = shown(components_of(holder), raw, scope)
    for question in questions(left):
        name = prefix + key_of(question)
        if name not in before:
            yield Problem(name, _brought_up(question))
        elif question["type"] == "dynamiclist":
            for number, row in enumerate(raw[key_of(question)]):
                yield from _appeared(question, row, known, f"{name}-{number}-", before)


def _brought_up(question: Component) -> str:
    if is_required(question) and question["type"] != "checkbox":
        return missing(question)
    return f"Look at “{label_of(question)}”, which is asked because of your other answers"


def _change_rows(form: Component, typed: Typed, button: str) -> str:
    """Do what an add or remove button asks to the typed rows; say what was done. Other buttons only show the page."""
    match = ACTION.fullmatch(button)
    rows = _rows_at(form, typed, match[2].split("-")) if match else None
    if match is None or rows is None:
        return "refresh"
    if match[1] == "add":
        if len(rows) < MOST_ROWS:
            rows.append({})
    elif match[3] and int(match[3]) < len(rows):
        del rows[int(match[3])]
    return match[1]


def _rows_at(holder: Component, typed: Typed, path: list[str]) -> list[Typed] | None:
    """Find the rows of the list at ``path``: ``["children", "0", "pets"]``."""
    found = next((q for q in questions(components_of(holder)) if key_of(q) == path[0]), None)
    if found is None or found["type"] != "dynamiclist":
        return None
    rows: list[Typed] = typed.setdefault(path[0], [])
    if len(path) == 1:
        return rows
    number = int(path[1]) if path[1].isascii() and path[1].isdecimal() else len(rows)
    return _rows_at(found, rows[number], path[2:]) if number < len(rows) and path[2:] else None
