"""Local rules: the values an organisation sets for itself, kept beside the diagrams and read there as ``local.<id>``.

A row of ``processes/local_rules.json`` is ``{"id", "value", "unit", "name", "about"}``. A value is a whole number from
0 to 1,000,000, a text, true or false, or a date (a text like ``2014-05-01``). Nothing here raises for what the file
holds: ``problems`` says what is wrong, ``values_of`` leaves out what is no rule.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any, TypeAlias

from service.core.diagram_words import listed

Value: TypeAlias = "int | str | bool | date"

FILE = "processes/local_rules.json"
NAME = "local"
KEYS = ("id", "value", "unit", "name", "about")
ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
MOST_RULES = 500
FEW = 12  # rules a sentence can list; more nobody reads
LARGEST = 1_000_000
LONGEST_TEXT = 500
LONGEST_DAYS = 36_525  # a hundred years: what is longer is a slip of the keyboard
DAYS_IN = {"day": 1, "working day": 1, "week": 7, "month": 28, "year": 365}
WORDS = {True: "yes", False: "no"}

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def rows_of(kept: object) -> list[dict[str, Any]]:
    """The rows of a file of local rules that are rules at all, those with an id and a value that can be used."""
    rows = [row for row in kept if isinstance(row, dict)] if isinstance(kept, list) else []
    return [row for row in rows[:MOST_RULES] if ID.fullmatch(str(row.get("id"))) and _wrong(row.get("value")) is None]


def values_of(kept: object) -> dict[str, Value]:
    """What expressions see as ``local``: the values by id, dates as dates."""
    return {row["id"]: value_of(row["value"]) for row in rows_of(kept)}


def value_of(written: Any) -> Any:
    """A value as the file spells it, as expressions see it."""
    if isinstance(written, str) and _DATE.fullmatch(written):
        return date.fromisoformat(written)
    return written


def amount(row: Mapping[str, Any]) -> str:
    """The value of a rule with its unit, as people read it: ``2 working days``, ``1 month``, ``1 May 2014``."""
    value, unit = value_of(row.get("value")), str(row.get("unit") or "")
    if isinstance(value, bool):
        return WORDS[value]
    if isinstance(value, date):
        return f"{value.day} {value:%B %Y}"
    if isinstance(value, int):
        return f"{value:,} {unit.removesuffix('s') if value == 1 else unit}".strip()
    return f"“{value}”" if not unit else f"{value} {unit}"


def named(kept: object) -> str:
    """The ids of all rules, for a sentence that says which there are."""
    return listed(sorted(row["id"] for row in rows_of(kept))) or "none"


def which(kept: object, name: str) -> str:
    """What helps whoever wrote a rule’s ``name`` wrongly: the one that is meant, or all while they are few."""
    known = sorted(row["id"] for row in rows_of(kept))
    close = get_close_matches(name, known, n=1)
    if close:
        return f"Perhaps “local.{close[0]}” is meant."
    if len(known) > FEW:
        return f"There are {len(known)} local rules; the file of local rules lists them."
    return f"The local rules are: {named(kept)}."


def problems(kept: object) -> Iterator[tuple[str, str]]:
    """Yield (id of the rule, or empty; a sentence) for whatever is wrong with a parsed file of local rules."""
    if not isinstance(kept, list) or not all(isinstance(row, dict) for row in kept):
        yield "", "The local rules must be a list of objects."
        return
    if len(kept) > MOST_RULES:
        yield "", f"There may be {MOST_RULES} local rules at most."
        return
    for number, row in enumerate(kept, 1):
        for said in _row(row):
            yield str(row.get("id") or ""), f"The local rule “{row.get('id') or number}” {said}."
    for key, times in Counter(str(row.get("id")) for row in kept).items():
        if times > 1:
            yield key, f"Two local rules have the id “{key}”."


def _row(row: Mapping[str, Any]) -> Iterator[str]:
    strange = sorted(set(row) - set(KEYS))
    if strange:
        yield f"says {listed([f'“{key}”' for key in strange])}, which is not read: it has {listed(list(KEYS))}"
    if not isinstance(row.get("id"), str) or not ID.fullmatch(row["id"]):
        yield "needs an id of small letters, digits and _, which begins with a letter"
    for key in ("name", "about"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            yield f"needs a {key!r} for people to read".replace("'", "“", 1).replace("'", "”", 1)
    wrong = _wrong(row.get("value"))
    if wrong:
        yield wrong
    else:
        yield from _unit(row)


def _wrong(value: object) -> str | None:
    """Why a value cannot be a rule's, as the end of a sentence."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if 0 <= value <= LARGEST else f"must be a whole number from 0 to {LARGEST:,}"
    if not isinstance(value, str) or not value.strip():
        return "needs a value: a whole number, a text, true, false or a date like 2014-05-01"
    if len(value) > LONGEST_TEXT or not value.isprintable():
        return f"must be a text on one line, of {LONGEST_TEXT} characters or fewer"
    if _DATE.fullmatch(value):
        try:
            date.fromisoformat(value)
        except ValueError:
            return "must be a real date, like 2014-05-01"
    return None


def _unit(row: Mapping[str, Any]) -> Iterator[str]:
    value, unit = row["value"], row.get("unit")
    if not isinstance(unit, str):
        yield "needs a unit, such as “working days”; for a text, a date, true or false it may be empty"
    elif isinstance(value, bool) or not isinstance(value, int):
        return
    elif not unit.strip():
        yield "needs a unit, such as “working days”"
    elif value * DAYS_IN.get(unit.strip().removesuffix("s"), 0) > LONGEST_DAYS:
        yield "is longer than a hundred years"
