"""How two versions of a diagram differ, element by element, in sentences."""

import re
from collections.abc import Iterator, Mapping

from service.core.diagram_reading import FLOW, Diagram, Drawn
from service.core.diagram_words import counted, field_words, kind_words, value_words

Sentences = Iterator[tuple[str | None, str]]
LONG = 80
"""Longer texts are said to be reworded instead of being shown twice."""
_ONE_DAY = re.compile(r"\d+ days? before")
ROLES = frozenset({"role", "remind_roles"})


def diagram_sentences(old: Diagram, new: Diagram, names: Mapping[str, str]) -> Sentences:
    """Yield (element id, sentence) for each change; ``names`` gives the display name of a role's key."""
    for element in new.elements.values():
        if element.id not in old.elements:
            yield element.id, f"{_opening(element)} is new."
    for element in old.elements.values():
        if element.id not in new.elements:
            yield element.id, f"{_opening(element)} is taken away."
        else:
            yield from _changed(element, new.elements[element.id], names)
    yield from _moved(old, new)


def _changed(old: Drawn, new: Drawn, names: Mapping[str, str]) -> Sentences:
    if old.kind != new.kind:
        yield new.id, f"“{new.name}” changes from a {kind_words(old.kind)} to a {kind_words(new.kind)}."
    if old.name != new.name:
        yield new.id, f"“{old.name}” is now called “{new.name}”."
    for field in sorted(old.values.keys() | new.values.keys()):
        before, after = old.values.get(field, ""), new.values.get(field, "")
        if before != after:
            yield new.id, _sentence(field, _called(new), _words(field, before, names), _words(field, after, names))


def _sentence(field: str, called: str, before: str, after: str) -> str:
    if field == "remind" and _ONE_DAY.fullmatch(before) and _ONE_DAY.fullmatch(after):
        return f"The reminder before {called} moves from {before.partition(' ')[0]} to {after.removesuffix(' before')}."
    subject = f"The {field_words(field)} of {called}"
    if len(before) > LONG or len(after) > LONG:
        return f"{subject} is {'reworded' if before and after else 'new' if after else 'taken away'}."
    if not before:
        return f"{subject} is now {after}; there was none."
    if not after:
        return f"{subject} is taken away; it was {before}."
    return f"{subject} changes from {before} to {after}."


def _words(field: str, value: str, names: Mapping[str, str]) -> str:
    if not value:
        return ""
    if field in ROLES:
        return ", ".join(names.get(key, key) for key in value.split())
    said = value_words(field, value)
    return said if said != value else f"“{value}”"


def _called(element: Drawn) -> str:
    if element.kind == FLOW:
        return f"the way from “{element.values.get('sourceRef', '')}” to “{element.values.get('targetRef', '')}”"
    return f"“{element.name}”"


def _opening(element: Drawn) -> str:
    if element.kind == FLOW:
        return f"The way from “{element.values.get('sourceRef', '')}” to “{element.values.get('targetRef', '')}”"
    return f"The {kind_words(element.kind)} “{element.name}”"


def _moved(old: Diagram, new: Diagram) -> Sentences:
    both = old.places.keys() & new.places.keys()
    moved = [key for key in both if old.places[key] != new.places[key]]
    if moved:
        yield None, f"{counted(len(moved), 'element')} of the drawing moved; what happens is not affected by that."
