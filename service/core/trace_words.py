"""A place of the trace in words, and the element of a diagram at which people meet it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from re import Match
from typing import Any

from service.core.definitions import Element, ProcessDefinition
from service.core.diagram_reading import tree
from service.core.forms_shape import components_of, key_of, label_of, questions
from service.core.placeholders import PLACE, fill
from service.core.table_differences import tables


@dataclass(frozen=True, slots=True)
class Shown:
    """A place as people read it; ``process`` and ``element`` say where in a diagram it is met, if anywhere."""

    words: str
    process: str | None = None
    element: str | None = None


def shown(definition: ProcessDefinition, place: str) -> Shown:
    """A living place in words; one that is gone by what the trace calls it."""
    kind, _, name = place.partition("/")
    match kind:
        case "forms":
            return _form(definition, name)
        case "tables":
            return _table(definition, name)
        case "roles":
            return Shown(f"Role “{definition.role_name(name)}”")
        case "documents":
            return Shown(f"Document “{_title(definition, name)}”")
    if kind in definition.directories and not name:
        return Shown(f"List of {kind.replace('_', ' ')}")
    element = definition.processes[kind].elements.get(name) if kind in definition.processes else None
    if element is None:
        return Shown(place)
    return Shown(f"“{element.name or name}” in “{definition.processes[kind].name}”", kind, name)


def _form(definition: ProcessDefinition, path: str) -> Shown:
    key, _, inner = path.partition("/")
    form = definition.forms.get(key)
    if form is None:
        return Shown(f"forms/{path}")
    asked = next((e for p in definition.processes.values() for e in p.elements.values() if _asks(e, key)), None)
    part = _part(form, inner)
    words = f"{part} form “{form.get('title', key)}”" if part else f"Form “{form.get('title', key)}”"
    return Shown(_plain(definition, words), asked.process if asked else None, asked.id if asked else None)


def _plain(definition: ProcessDefinition, text: str) -> str:
    """A text of a form without a case: local rules have their values, what only a case knows is left open."""
    telling = definition.telling({})

    def filled(found: Match[str]) -> str:
        return fill(found[0], telling) if (found[1] or "local.").startswith("local.") else "…"

    return PLACE.sub(filled, text)


def _asks(element: Element, form: str) -> bool:
    return element.properties.get("form") == form


def _part(form: Mapping[str, Any], inner: str) -> str:
    kind, _, name = inner.partition("/")
    if kind == "rules":
        message = next((r.get("message") for r in form.get("rules") or [] if r.get("id") == name), name)
        return f"Rule “{message}” of"
    if kind == "fields":
        return f"Question “{_label(form, name)}” of"
    return ""


def _label(form: Mapping[str, Any], path: str) -> str:
    label, holder = path, form
    for key in path.split("/"):
        found = next((q for q in questions(components_of(holder)) if key_of(q) == key), None)
        if found is None:
            return path
        label, holder = label_of(found), found
    return label


def _table(definition: ProcessDefinition, name: str) -> Shown:
    text = definition.files.get(f"processes/{name}.dmn")
    if text is None:
        return Shown(f"tables/{name}")
    found = tables(tree(text))
    words = f"Decision table “{next((t.name for t in found.values()), name)}”"
    for process in definition.processes.values():
        for task in tree(definition.files[process.file]).iter("{*}businessRuleTask"):
            if {called.text for called in task.iter("{*}calledDecisionId")} & found.keys():
                return Shown(words, process.id, task.get("id"))
    return Shown(words)


def _title(definition: ProcessDefinition, name: str) -> str:
    try:
        return str(json.loads(definition.files[f"processes/documents/{name}.json"])["title"])
    except (KeyError, ValueError, TypeError):
        return name
