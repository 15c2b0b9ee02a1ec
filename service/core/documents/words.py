"""Values in words, and texts with places to fill in, such as ``It was due on {date(clocks.report.due)}`` in a sentence.

A place holds any expression of the diagrams' language. What is not known yet says so; an expression that cannot be
worked out for another reason is refused aloud, with the expression and never with a value.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from service.core import expressions
from service.core.definitions import ProcessDefinition
from service.core.errors import DocumentBroken
from service.core.expressions import ExprError
from service.core.forms_shape import Component, components_of, key_of, properties_of, questions
from service.core.forms_show import british, show

PLACE = re.compile(r"\{([^{}]*)\}")
CHAIN = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
UNKNOWN = "not known"


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
    return (found.strip() for found in PLACE.findall(text))


def filled(scope: Scope, text: str) -> str:
    """The text with every place filled in."""
    return PLACE.sub(lambda found: put_in_words(scope, found[1].strip()), text)


def put_in_words(scope: Scope, text: str) -> str:
    """What an expression gives, in words; those of its question's choices where it is a variable alone."""
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
        case date():
            return british(found)
        case timedelta():
            return f"{found.days:,} day{'' if found.days == 1 else 's'}"
        case int() if abs(found) < 10_000:
            return str(found)  # it may be a year
        case int() | float():
            return number(found)
        case Mapping():
            return "; ".join(worded(each) for each in found.values())
        case Sequence() if not isinstance(found, str):
            return "; ".join(worded(each) for each in found) or "none"
    return str(found)


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
