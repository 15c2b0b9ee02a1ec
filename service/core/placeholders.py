"""Texts with places for values of the case: ``{name}``, ``{local.secure_days}``, ``{name|what stands there else}``.

A place holds the name of a process variable, ``item.field`` of a repeated step, ``clocks.<key>.due`` or ``local.<id>``
(``local.<id>.words`` says the unit too). ``{{`` and ``}}`` stand for braces. Filling never raises: what is not there
gives its fallback, or “not known”; what is no place stays as it is. A filled value is one line of plain text and is
never read for places again; pages escape it as they escape everything.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from service.core.diagram_words import listed
from service.core.forms_show import british

NOT_KNOWN = "not known"
WORDS = {True: "yes", False: "no"}
LONGEST = 300
MOST_LISTED = 50
DEEPEST = 3
FULL_NUMBER = 10_000  # below it a number may be a year
TEXTS = frozenset({
    "title", "label", "dateLabel", "timeLabel", "description", "text", "message", "requiredMessage",
    "patternErrorMessage", "rowLabel",
})  # fmt: skip
"""The parts of a form that people read, and in which places are filled."""

PLACE = re.compile(r"\{\{|\}\}|\{([A-Za-z][A-Za-z0-9_]*(?:\.[a-z][A-Za-z0-9_]*){0,2})(?:\|([^{}\n]{0,200}))?\}")
KEY = re.compile(r"[a-z]+(_[a-z]+)+")


@dataclass(frozen=True, slots=True)
class Telling:
    """What places are filled from.

    ``names`` are variables, items and clocks by name; ``local`` the local rules' values and ``amounts`` these with
    their units, by id; ``directory`` gives the names of things by id, ``options`` the words of choices by variable.
    """

    names: Mapping[str, Any] = field(default_factory=dict)
    local: Mapping[str, Any] = field(default_factory=dict)
    amounts: Mapping[str, str] = field(default_factory=dict)
    directory: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def fill(text: str, telling: Telling) -> str:
    """The text with every place filled."""
    if "{" not in text and "}" not in text:
        return text
    return PLACE.sub(lambda found: _filled(found, telling), text)


def places(text: str) -> list[str]:
    """The paths a text asks for, in order: ``local.secure_days``, ``name``."""
    return [found[1] for found in PLACE.finditer(text) if found[1]]


def strays(text: str) -> list[str]:
    """What has braces and is no place."""
    rest = PLACE.sub(" ", text)
    return [found[0] for found in re.finditer(r"\{[^{}]*\}?|\}", rest)]


def worded(value: object, telling: Telling, variable: str = "") -> str:
    """A value as people read it, on one line: dates in British form, lists as text, choices and ids by their names."""
    return _line(", ".join(_words(value, telling, variable, 0)))


def _filled(found: re.Match[str], telling: Telling) -> str:
    path, fallback = found[1], found[2]
    if path is None:
        return found[0][0]
    value = _value(path.split("."), telling)
    if value is None or value in ([], ""):
        return NOT_KNOWN if fallback is None else _line(fallback)
    return worded(value, telling, path.rpartition(".")[2])


def _value(path: list[str], telling: Telling) -> object:
    base, *rest = path
    if base == "local":
        return _local(rest, telling)
    value: object = telling.names.get(base)
    for key in rest:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _local(rest: list[str], telling: Telling) -> object:
    match rest:
        case [rule]:
            return telling.local.get(rule)
        case [rule, "words"]:
            return telling.amounts.get(rule)
    return None


def _words(value: object, telling: Telling, variable: str, depth: int) -> Iterator[str]:
    if isinstance(value, list | tuple):
        inner = value[:MOST_LISTED] if depth < DEEPEST else ()
        yield listed([text for each in inner for text in _words(each, telling, variable, depth + 1)]) or NOT_KNOWN
    elif isinstance(value, Mapping):
        named = value.get("name") or value.get("label") or value.get("title") or value.get("id")
        yield from _words(named, telling, variable, depth + 1) if depth < DEEPEST else ()
    else:
        yield _single(value, telling, variable)


def _single(value: object, telling: Telling, variable: str) -> str:
    if isinstance(value, bool):
        return WORDS[value]
    if value is None:
        return NOT_KNOWN
    if isinstance(value, date):
        return british(value)
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= FULL_NUMBER else str(value)
    text = str(value)
    known = telling.options.get(variable, {}).get(text) or telling.directory.get(text)
    return known or (text.replace("_", " ") if KEY.fullmatch(text) else text)


def _line(text: str) -> str:
    """One line that no page takes for anything but words: no hidden characters, no beginning of a list."""
    seen = "".join(mark for mark in text if mark in "\n\t" or unicodedata.category(mark) not in ("Cc", "Cf", "Cs"))
    line = " ".join(seen.split())
    line = re.sub(r"^[-*+#>]+(?=\s)", "–", line)
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"
