"""Putting a process variable right: which variables a definition knows, and a typed text as a value of the right type.

What may be set is what a form, a decision or a script of the definition sets; a value keeps the type the variable has
now, so a correction can move a date but never make a number of it.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from service.core import values
from service.core.definitions import ProcessDefinition
from service.core.diagram_reading import tree
from service.core.errors import BrokenRule, Problem
from service.core.forms_door import admit

WORDS = {"yes": True, "true": True, "no": False, "false": False}
LONGEST = 20_000


def variables(definition: ProcessDefinition) -> dict[str, str]:
    """The process variables a form of the definition sets, by name, each with the question that asks for it."""
    found: dict[str, str] = {}
    for form in definition.forms.values():
        for name, label in _asked(form):
            if "." not in name:
                found.setdefault(name, label)
    return found


def _asked(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    properties = part.get("properties") or {}
    if isinstance(properties.get("variable"), str):
        yield properties["variable"], str(part.get("label") or properties["variable"])
    for inner in part.get("components") or ():
        yield from _asked(inner)


def decided(definition: ProcessDefinition) -> frozenset[str]:
    """The process variables a decision table of the definition sets."""
    tables = (tree(text) for path, text in definition.files.items() if path.endswith(".dmn"))
    return frozenset(o.get("name", "") for table in tables for o in table.iter("{*}output")) - {""}


def parse(
    definition: ProcessDefinition, held: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, object]:
    """Return typed texts as values. ``held`` are the variables as they stand, ``given`` name to text.

    Raises ``BrokenRule`` with a problem for each name that is not known and each text that is no such value.
    """
    known = set(held) | set(variables(definition)) | decided(definition)
    found: dict[str, object] = {}
    problems: list[Problem] = []
    for name, text in given.items():
        if name not in known or name.startswith("_"):
            problems.append(Problem(name, f"There is no value “{name}” in this case."))
            continue
        try:
            found[name] = _value(held.get(name), text.strip())
        except ValueError as wrong:
            problems.append(Problem(name, f"“{name}”: {wrong}"))
    if problems:
        raise BrokenRule("Nothing was changed.", tuple(problems))
    return found


def written(value: object) -> str:
    """A value as a person types it back."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime() | date():
            return value.isoformat()
        case str():
            return value
    return json.dumps(values.encode(value), ensure_ascii=False)


def _value(now: object, text: str) -> object:
    if len(text) > LONGEST:
        raise ValueError(f"must be {LONGEST:,} characters or fewer.")
    match now:
        case bool():
            return _word(text)
        case int():
            return _number(text)
        case datetime():
            return _instant(text)
        case date():
            return _day(text)
        case str():
            return text
        case list() | dict():
            return _structure(now, text)
    return _guess(text)


def _word(text: str) -> bool:
    if text.lower() not in WORDS:
        raise ValueError("must be yes or no.")
    return WORDS[text.lower()]


def _number(text: str) -> int:
    if not text.lstrip("-").isascii() or not text.lstrip("-").isdigit() or abs(int(text[:20])) > values.LARGEST_INTEGER:
        raise ValueError("must be a whole number.")
    return int(text)


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError("must be a date and time with its offset, like 2026-03-01T09:00+00:00.")
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a date like 2026-03-01.") from None


def _structure(now: object, text: str) -> object:
    """A list or an object as JSON; it keeps its kind, and goes through the same door as answers do."""
    try:
        found = values.decode(json.loads(text))
    except (ValueError, RecursionError):
        raise ValueError("must be written as JSON.") from None
    if type(found) is not type(now):
        raise ValueError("must stay a list." if isinstance(now, list) else "must stay a group of values.")
    _, faults = admit({"value": found})
    if faults:
        raise ValueError(faults[0].reason)
    return found


def _guess(text: str) -> object:
    """A value that has not been set yet has no type: a word, a whole number, a date or an instant, else a text."""
    if not text:
        return None
    for read in (_word, _number, _day, _instant):
        try:
            return read(text)
        except ValueError:
            continue
    return text
