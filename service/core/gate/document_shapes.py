"""What the parts of a document may hold, and what their expressions, texts and lists may name.

``KEYS`` is the schema: what an object may hold, and of which kind; ``NEEDED`` what must be there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.core.documents import words
from service.core.gate import formulas

TEXTS = (str, list)
KEYS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "document": {
        "id": str, "title": str, "clause": str, "about": str, "of": str, "roles": list, "formats": list,
        "sections": list, "when": str, "when_not": str, "complete": bool, "draft_while": str,
    },
    "section": {
        "heading": str, "when": str, "text": TEXTS, "none": str, "table": dict, "answers": dict, "clocks": TEXTS,
        "departures": bool, "holds": str, "decisions": TEXTS, "steps": list, "documents": list,
        "cases": dict, "counts": list,
    },
    "table": {
        "form": str, "list": str, "variable": str, "which": str, "columns": list, "only": str, "order": list,
        "sum": list, "by": list, "share": str,
    },
    "answers": {"form": str, "fields": list},
    "column": {"field": str, "value": str, "label": str, "unit": str, "as": str},
    "paragraph": {"text": str, "when": str},
    "step": {"step": str, "label": str},
    "cases": {"columns": list, "only": str},
    "count": {"label": str, "count": str, "median": str, "only": str, "unit": str},
}  # fmt: skip
NEEDED = {
    "document": ("id", "title", "about", "of", "roles", "formats", "sections"), "section": ("heading",),
    "table": ("columns",), "answers": ("form", "fields"),
    "paragraph": ("text",), "step": ("step",), "cases": ("columns",), "count": ("label",),
}  # fmt: skip
Said = Iterator[str]


@dataclass(frozen=True, slots=True)
class Known:
    """Everything a document may name. ``variables`` and ``fields`` (of each form, and of its lists) by name."""

    variables: frozenset[str]
    clocks: frozenset[str]
    steps: frozenset[str]
    decisions: frozenset[str]
    local: frozenset[str]
    roles: frozenset[str]
    clauses: frozenset[str]
    forms: Mapping[str, Mapping[str, Any]]
    documents: Mapping[str, Mapping[str, Any]]


def shape(kind: str, value: object) -> Said:
    """What is wrong with an object before anything in it is looked at."""
    if not isinstance(value, Mapping):
        yield f"A {kind} must be a JSON object"
        return
    for name, given in value.items():
        if name not in KEYS[kind]:
            yield f"A {kind} cannot have “{str(name)[:40]}”; it may have {', '.join(KEYS[kind])}"
        elif not isinstance(given, KEYS[kind][name]):
            yield f"“{name}” of a {kind} is not written as it should be"
    for name in NEEDED.get(kind, ()):
        if not value.get(name):
            yield f"A {kind} needs “{name}”"


def text_problems(text: str, scope: frozenset[str], known: Known) -> Said:
    """What is wrong with a text and the places in it."""
    if "{" in words.PLACE.sub("", text) or "}" in words.PLACE.sub("", text):
        yield f"The braces of “{text[:40]}” do not fit: each place is {{expression}}"
    for place in words.places(text):
        yield from expression(place.removesuffix(".words") if words.AMOUNT.fullmatch(place) else place, scope, known)


def expression(text: str | None, scope: frozenset[str], known: Known) -> Said:
    """What is wrong with an expression, and with the names it reads; ``scope`` are those there are."""
    if text is None:
        return
    wrong = formulas.problem(text)
    if wrong:
        yield f"“{text}” cannot be worked out: {wrong.removesuffix('.')}"
        return
    for name in sorted(formulas.reads(text) - scope):
        yield f"“{text}” looks at “{name}”, which nothing sets"
    for holder, there in (("clocks", known.clocks), ("steps", known.steps), ("local", known.local)):
        for name in re.findall(rf"(?<![\w.]){holder}\.(\w+)", text):
            if holder in scope and name not in there:
                yield f"“{text}” looks at “{holder}.{name}”, which does not exist"


def listed(what: str, given: object, there: frozenset[str]) -> Said:
    """The names of a list that do not exist; ``what`` begins the sentence."""
    for name in given if isinstance(given, list) else []:
        if str(name) not in there:
            yield f"{what} “{str(name)[:40]}”, which does not exist"


