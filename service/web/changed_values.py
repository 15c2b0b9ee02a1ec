"""Which values a step of the history changed, in words: what a person answered, and what the diagram worked out.

A first empty value only prepares a variable and is not told. Of a list whose items stay, only what changed about an
item is told.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from service.core.chain import Step
from service.web import case_names
from service.web.case_names import Names

Told = tuple[str, str]
"""``answered`` or ``computed``, and a sentence."""


def changed_values(names: Names, before: dict[str, Any], step: Step) -> Iterator[Told]:
    """Yield what ``step`` set, answers in the order of their questions first, and keep the new values in ``before``."""
    answered: Mapping[str, Any] = step.command.get("variables", {})
    for variable in _in_order(names, answered):
        if answered[variable] is not None:
            said = _value(names, variable, before.get(variable), answered[variable])
            yield "answered", f"{case_names.question(names, variable)} {said}"
    of_items = frozenset(case_names.without_item(variable) for variable in answered if "." in variable)
    written = {k: v for event in step.events if event["type"] == "VariablesSet" for k, v in event["variables"].items()}
    for variable in _in_order(names, written):
        old, now = before.get(variable), written[variable]
        before[variable] = now
        if variable not in answered and (now or old is not None):
            for text in _computed(names, variable, old, now, of_items):
                yield "computed", f"Worked out: {text}"


def _in_order(names: Names, variables: Mapping[str, Any]) -> list[str]:
    return sorted(variables, key=lambda variable: case_names.position(names, variable))


def _computed(names: Names, variable: str, old: Any, now: Any, told: frozenset[str]) -> Iterator[str]:
    name = case_names.plain(variable)
    was, here = _items(old), _items(now)
    if not was or was.keys() != here.keys():
        yield f"{name}: {_value(names, variable, old, now)}"
        return
    for key, item in here.items():
        for field in sorted(item.keys() - told):
            if item[field] != was[key].get(field):
                said = _value(names, field, was[key].get(field), item[field])
                yield f"{name}, {names.directory.get(key, key)}, {case_names.plain(field).lower()}: {said}"


def _items(value: Any) -> dict[str, dict[str, Any]]:
    """Return the items of a list by their ids; empty for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, dict) and "id" in item for item in value):
        return {}
    return {str(item["id"]): item for item in value}


def _value(names: Names, variable: str, old: Any, now: Any) -> str:
    new = case_names.answer(names, variable, now)
    before = "" if old is None else case_names.answer(names, variable, old)
    return f"{new} (before: {before})" if before and before != new else new
