"""A form as one person meets it in one case: its texts filled, and choices from the case's own lists laid out.

What comes out is an ordinary form with the same keys: everything that lays out, judges or shows forms works on it. A
choice with ``valuesKey: {"from": "variable:agencies"}`` offers the entries of the list ``agencies`` of the case, by
``id`` and ``name`` (or ``label`` or ``title``), at most 200; ``variable:agency.staff`` those of a list that the item
``agency`` of a repeated step holds. A condition's ``local.<id>`` becomes that rule's value.
"""

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from service.core import reasons
from service.core.definitions import ProcessDefinition
from service.core.forms_shape import OF_CASE
from service.core.placeholders import TEXTS, Telling, fill, worded

MOST_OFFERED = 200
_RULE = re.compile(r'"(?:[^"\\]|\\.)*"|\blocal\.([a-z][a-z0-9_]*)')


def asked(definition: ProcessDefinition, form: str | None, names: Mapping[str, Any]) -> Mapping[str, Any]:
    """The form ``form`` of a definition for a case with these names; one without questions if there is none."""
    return filled(reasons.schema(definition.forms, form), definition.telling(names))


def filled(form: Mapping[str, Any], telling: Telling) -> Mapping[str, Any]:
    """The same form for a case."""
    found = {key: _part(key, value, telling) for key, value in form.items()}
    return found if found != form else form


def _part(key: str, value: Any, telling: Telling) -> Any:
    if isinstance(value, str):
        return fill(value, telling) if key in TEXTS else _condition(value, telling) if key == "hide" else value
    if isinstance(value, list):
        return [_part(key, each, telling) if isinstance(each, Mapping | list) else each for each in value]
    if not isinstance(value, Mapping):
        return value
    source = value.get("valuesKey")
    name = source.get("from") if isinstance(source, Mapping) else None
    inner = {k: _part(k, v, telling) for k, v in value.items()}
    if isinstance(name, str) and name.startswith(OF_CASE):
        inner = {k: v for k, v in inner.items() if k != "valuesKey"}
        inner["values"] = offered(telling, name.removeprefix(OF_CASE))
    return inner


def offered(telling: Telling, variable: str) -> list[dict[str, str]]:
    """What a choice from a list variable of the case offers; nothing while there is no such list."""
    base, _, part = variable.partition(".")
    held = telling.names.get(base)
    held = held.get(part) if part and isinstance(held, Mapping) else None if part else held
    found: dict[str, str] = {}
    for each in held[:MOST_OFFERED] if isinstance(held, list | tuple) else ():
        key = each.get("id") if isinstance(each, Mapping) else each
        if isinstance(key, str) and key.strip() == key != "":
            found.setdefault(key, worded(each, telling))
    return [{"value": key, "label": label} for key, label in found.items()]


def _condition(text: str, telling: Telling) -> str:
    def literal(found: re.Match[str]) -> str:
        rule = found[1]
        return found[0] if rule is None or rule not in telling.local else _literal(telling.local[rule])

    return _RULE.sub(literal, text)


def _literal(value: object) -> str:
    return json.dumps(value.isoformat() if isinstance(value, date) else value, ensure_ascii=False)
