"""What changes between two sets of definition files, in sentences a process owner can check one by one.

Promises: every changed file gives at least one sentence, so nothing changes unseen; equal files give none.
The sentences name elements and questions as people know them, with the old and the new value.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from service.core import diagram_reading, local_rules
from service.core.departures import KIND
from service.core.diagram_differences import diagram_sentences
from service.core.diagram_words import counted
from service.core.table_differences import table_sentences

Sentences = Iterator[tuple[str | None, str]]
WITHOUT_WORDS = "It changes in a way that has no words here; compare the two texts."


@dataclass(frozen=True, slots=True)
class Difference:
    """One change: the file, the element it concerns if one does, and a sentence."""

    file: str
    element: str | None
    sentence: str


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[Difference]:
    """Compare two sets of files (path to text), in the order of their paths."""
    names = _role_names(before) | _role_names(after)
    found: list[Difference] = []
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            found += _file(path, before.get(path), after.get(path), names)
    return found


def _file(path: str, old: str | None, new: str | None, names: Mapping[str, str]) -> list[Difference]:
    if old is None or new is None:
        return [Difference(path, None, "This file is new." if old is None else "This file is taken away.")]
    try:
        found = list(_reader(path, names)(old, new))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, etree.LxmlError):
        found = []  # a draft may hold a file that cannot be read yet: the checks say so
    return [Difference(path, element, text) for element, text in found or [(None, WITHOUT_WORDS)]]


def _reader(path: str, names: Mapping[str, str]) -> Callable[[str, str], Sentences]:
    if path.endswith(".bpmn"):
        return lambda old, new: _diagram(old, new, names)
    if path.endswith(".dmn"):
        return lambda old, new: table_sentences(diagram_reading.tree(old), diagram_reading.tree(new))
    if path.startswith("forms/") and path.endswith(".json"):
        return lambda old, new: _form(json.loads(old), json.loads(new))
    if path == local_rules.FILE:
        return lambda old, new: _local_rules(json.loads(old), json.loads(new))
    if path.endswith(".json"):
        return lambda old, new: _data(json.loads(old), json.loads(new))
    return _lines


def _diagram(old: str, new: str, names: Mapping[str, str]) -> Sentences:
    found = list(diagram_sentences(diagram_reading.read(old), diagram_reading.read(new), names))
    if not found and diagram_reading.same_but_for_the_drawing(old, new):
        found = [(None, "Only the way the drawing is written down changes; what happens stays the same.")]
    yield from found


def _role_names(files: Mapping[str, str]) -> dict[str, str]:
    try:
        return {role["id"]: role["name"] for role in json.loads(files.get("processes/roles.json", "[]"))}
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}


def _form(old: dict[str, Any], new: dict[str, Any]) -> Sentences:
    yield from _entries(_questions(old), _questions(new), "question", "label")
    before, after = _by_id(old.get("rules", [])), _by_id(new.get("rules", []))
    told = list(_departures(str(new.get("title") or old.get("title") or ""), before, after))
    yield from (sentence for _, sentence in told)
    for key in (key for key, _ in told):
        before, after = _without_kind(before, after, key)
    yield from _entries(before, after, "rule", "message")
    yield from _values(_without_lists(old), _without_lists(new), "")


def _departures(
    form: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[None, str]]]:
    """What may be done only with reasons now, or no longer so: the rule's id and a sentence."""
    for key in dict.fromkeys([*old, *new]):
        was, now = (_kind(rules.get(key)) for rules in (old, new))
        if was == now or KIND not in {was, now}:
            continue
        rule = _called(new.get(key) or old[key], "message", key)
        says = {
            (True, "error"): f"now lets people depart from “{rule}”, with reasons.",
            (False, "error"): f"no longer lets people depart from “{rule}”: it is refused.",
            (True, "warning"): f"now accepts “{rule}” only as a departure.",
            (True, ""): f"now accepts “{rule}” only as a departure.",
            (False, "warning"): f"now accepts “{rule}” without a departure, after a warning.",
            (False, ""): f"now accepts “{rule}” without a departure.",
        }
        yield key, (None, f"The form “{form}” {says[now == KIND, was if now == KIND else now]}")


def _kind(rule: Any) -> str:
    """The kind of a rule, or an empty text where there is none."""
    if not isinstance(rule, dict):
        return ""
    return str(rule.get("kind")) if rule.get("kind") in {KIND, "warning"} else "error"


def _without_kind(old: Mapping[str, Any], new: Mapping[str, Any], key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rules without what has been told of one: all of it where it is new or gone, else its kind."""
    if key not in old or key not in new:
        return {k: v for k, v in old.items() if k != key}, {k: v for k, v in new.items() if k != key}
    return _bare(old, key), _bare(new, key)


def _bare(rules: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {**rules, key: {name: value for name, value in rules[key].items() if name != "kind"}}


def _without_lists(form: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in form.items() if key not in {"components", "rules"}}


def _questions(form: Mapping[str, Any], group: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for at, component in enumerate(form.get("components", [])):
        key = str(component.get("key") or component.get("path") or component.get("id") or f"{group}{at}")
        found[key] = {k: v for k, v in component.items() if k != "components"}
        found.update(_questions(component, f"{key}."))
    return found


def _data(old: Any, new: Any) -> Sentences:
    if isinstance(old, list) and isinstance(new, list):
        yield from _entries(_by_id(old), _by_id(new), "entry", "name")
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _values(old, new, "")


def _local_rules(old: list[Any], new: list[Any]) -> Sentences:
    before, after = _by_id(old), _by_id(new)
    for key, row in after.items():
        called = f"The local rule “{_called(row, 'name', key)}”"
        if key not in before:
            yield None, f"{called} is new: {local_rules.amount(row)}."
            continue
        if local_rules.amount(before[key]) != local_rules.amount(row):
            yield None, f"{called} moves from {_amount_before(before[key], row)} to {local_rules.amount(row)}."
        of = f" of the local rule “{_called(before[key], 'name', key)}”"
        yield from _values(_without_amount(before[key]), _without_amount(row), of)
    for key, row in before.items():
        if key not in after:
            yield None, f"The local rule “{_called(row, 'name', key)}” is taken away; it was {local_rules.amount(row)}."
    kept = [key for key in before if key in after]
    if kept != [key for key in after if key in before]:
        yield None, "The order of the local rules changes."


def _without_amount(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in {"value", "unit"}}


def _amount_before(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The former amount; a unit that stays is said once, as in ``from 2 to 3 working days``."""
    numbers = all(type(row.get("value")) is int for row in (old, new))
    same = numbers and old.get("unit") == new.get("unit")
    return f"{old['value']:,}" if same else local_rules.amount(old)


def _by_id(entries: list[Any]) -> dict[str, Any]:
    return {str(e.get("id", at)) if isinstance(e, dict) else str(at): e for at, e in enumerate(entries)}


def _entries(old: Mapping[str, Any], new: Mapping[str, Any], noun: str, label: str) -> Sentences:
    for key in new.keys() - old.keys():
        yield None, f"The {noun} “{_called(new[key], label, key)}” is new."
    for key in old.keys() - new.keys():
        yield None, f"The {noun} “{_called(old[key], label, key)}” is taken away."
    for key in old.keys() & new.keys():
        if old[key] != new[key]:
            yield from _values(old[key], new[key], f" of the {noun} “{_called(old[key], label, key)}”")
    kept = [key for key in old if key in new]
    if kept != [key for key in new if key in old]:
        yield None, f"The order of what is listed as {noun} changes."


def _called(entry: Any, label: str, key: str) -> str:
    return str(entry.get(label) or entry.get("title") or key) if isinstance(entry, dict) else key


def _values(old: Any, new: Any, of: str) -> Sentences:
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield None, f"The value{of} changes from {_shown(old)} to {_shown(new)}."
        return
    for key in sorted(old.keys() | new.keys()):
        if key not in old:
            yield None, f"“{key}”{of} is now {_shown(new[key])}."
        elif key not in new:
            yield None, f"“{key}”{of} is taken away; it was {_shown(old[key])}."
        elif old[key] != new[key]:
            yield None, f"“{key}”{of} changes from {_shown(old[key])} to {_shown(new[key])}."


def _shown(value: Any) -> str:
    return f"“{value}”" if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _lines(old: str, new: str) -> Sentences:
    before, after = old.splitlines(), new.splitlines()
    gone = len([line for line in before if line not in after])
    come = len([line for line in after if line not in before])
    yield None, f"{counted(come, 'line')} new or changed, {counted(gone, 'line')} gone."
