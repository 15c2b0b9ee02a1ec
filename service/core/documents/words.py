"""Values in words, and texts with places to fill in, such as ``It was due on {date(clocks.report.due)}`` in a sentence.

A place holds any expression of the diagrams' language. What is not known yet says so; an expression that cannot be
worked out for another reason is refused aloud, with the expression and never with a value.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from service.core import expressions, local_rules
from service.core.definitions import ProcessDefinition
from service.core.errors import DocumentBroken
from service.core.expressions import ExprError
from service.core.forms_shape import Component, components_of, key_of, properties_of, questions
from service.core.forms_show import british, show

PLACE = re.compile(r"\{\{|\}\}|\{([^{}|]*)(?:\|([^{}]*))?\}")
AMOUNT = re.compile(r"local\.(\w+)\.words")
CHAIN = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
UNKNOWN = "not known"
FULL_NUMBER = 10_000
"""Below it a number may be a year."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What expressions of a document see, the instant that is its present, and where words for values come from."""

    names: Mapping[str, Any]
    at: datetime
    definition: ProcessDefinition
    asked: Mapping[str, Component]

    def inside(self, more: Mapping[str, Any]) -> "Scope":
        """The same with further names, which hide those of before."""
        return replace(self, names={**self.names, **more})


def scope_of(definition: ProcessDefinition, names: Mapping[str, Any], at: datetime) -> Scope:
    """What a document's expressions see."""
    return Scope(names, at, definition, variable_questions(definition))


def value(scope: Scope, text: str) -> Any:
    """What an expression gives; ``None`` where it speaks of something not known. Raises ``DocumentBroken``."""
    names = {**dict.fromkeys(expressions.names(text)), **scope.names}
    try:
        return expressions.evaluate(text, names, at=scope.at)
    except ExprError as error:
        if _speaks_of_nothing(text, names, scope.at):
            return None
        raise DocumentBroken(f"This document cannot be made: “{text}” could not be worked out: {error}") from error


def _speaks_of_nothing(text: str, names: Mapping[str, Any], at: datetime) -> bool:
    """Whether a name in an expression, or a part of what a name holds, is nothing."""
    for chain in CHAIN.findall(QUOTED.sub("", text)):
        parts = chain.split(".")
        if parts[0] in names and any(_is_nothing(".".join(parts[:n]), names, at) for n in range(1, len(parts) + 1)):
            return True
    return False


def _is_nothing(chain: str, names: Mapping[str, Any], at: datetime) -> bool:
    try:
        return expressions.evaluate(chain, names, at=at) is None
    except ExprError:
        return False


def holds(scope: Scope, text: str | None) -> bool:
    """Whether a condition holds; none always does."""
    return text is None or bool(value(scope, text))


def places(text: str) -> Iterator[str]:
    """The expressions in the places of a text."""
    return (found[1].strip() for found in PLACE.finditer(text) if found[1] is not None)


def filled(scope: Scope, text: str) -> str:
    """The text with every place filled in."""
    return PLACE.sub(lambda found: _filled(scope, found), text)


def _filled(scope: Scope, found: re.Match[str]) -> str:
    if found[1] is None:
        return found[0][0]
    said = put_in_words(scope, found[1].strip())
    return found[2] if said == UNKNOWN and found[2] is not None else said


def put_in_words(scope: Scope, text: str) -> str:
    """What an expression gives, in words; those of its question's choices where it is a variable alone."""
    amount = AMOUNT.fullmatch(text)
    if amount:
        return next((local_rules.amount(r) for r in scope.definition.local_rules if r["id"] == amount[1]), UNKNOWN)
    found = value(scope, text)
    asked = scope.asked.get(text) if isinstance(found, str | list | bool) else None
    return answered(asked, found, scope.definition) if asked else worded(found)


def worded(found: Any) -> str:
    """A value as people read it: ``29 May 2013``, ``yes``, ``2013``, ``a; b``, ``not known``."""
    match found:
        case None | "":
            return UNKNOWN
        case bool():
            return "yes" if found else "no"
        case int() | float():
            return str(found) if abs(found) < FULL_NUMBER else number(found)
        case date():
            return british(found)
        case Mapping():
            return "; ".join(worded(each) for each in found.values())
        case list() | tuple() | set():
            return "; ".join(worded(each) for each in found) or "none"
    return f"{found.days} days" if isinstance(found, timedelta) else str(found)


def number(found: float, unit: str = "") -> str:
    """A number with its unit: ``1,250``, ``2.5 days``, ``£1,250``."""
    text = f"{found:,}" if isinstance(found, int) or found.is_integer() is False else f"{int(found):,}"
    if not unit:
        return text
    return f"{unit}{text}" if not unit[0].isalnum() and unit != "%" else f"{text}{'' if unit == '%' else ' '}{unit}"


def variable_questions(definition: ProcessDefinition) -> dict[str, Component]:
    """The question that sets each process variable; of several the first form's by name."""
    found: dict[str, Component] = {}
    for _, form in sorted(definition.forms.items()):
        for question in questions(components_of(form)):
            name = properties_of(question).get("variable")
            if name:
                found.setdefault(str(name), question)
    return found


def answered(question: Component, answer: Any, definition: ProcessDefinition) -> str:
    """An answer in the words of its question's choices, on one line where a list of rows was given."""
    (shown,) = show({"components": [question]}, {key_of(question): answer}, definition.directories)
    return shown[1] if isinstance(shown[1], str) else worded([dict(row) for row in shown[1]])
