"""What the files of a definition are called, also while a draft holds a file that cannot be read yet.

Pure. A file that cannot be read keeps its path as its name: an editor must open it, or nobody could mend it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from lxml import etree

from service.core.diagram_reading import Diagram, Drawn, plain_text, read, tree
from service.core.diagram_words import field_words, kind_words, value_words
from service.core.table_differences import tables

GROUPS = ("Diagrams", "Decision tables", "Forms", "Lists and names", "Scenarios")
KINDS = {".bpmn": "Diagrams", ".dmn": "Decision tables", ".yaml": "Scenarios"}
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError, etree.LxmlError)


@dataclass(frozen=True, slots=True)
class File:
    """A file of a definition: its path, what people call it, its group, and its process id if it is a diagram."""

    path: str
    name: str
    group: str
    process_id: str | None


@dataclass(frozen=True, slots=True)
class Described:
    """An element of a diagram in words: id, kind, name, and its values as (field, value)."""

    id: str
    kind: str
    name: str
    values: tuple[tuple[str, str], ...]


def grouped(files: Mapping[str, str]) -> dict[str, list[File]]:
    """Return the files by group, diagrams first, each group by name."""
    groups: dict[str, list[File]] = {name: [] for name in GROUPS}
    for path, text in files.items():
        groups[_group(path)].append(File(path, _name(path, text), _group(path), process_of(path)))
    return {name: sorted(entries, key=lambda entry: entry.name) for name, entries in groups.items() if entries}


def process_of(path: str) -> str | None:
    """Return the process id of a diagram's path: its file name; None for any other file."""
    return PurePosixPath(path).stem if path.endswith(".bpmn") else None


def path_of(process_id: str) -> str:
    """Return the path of the diagram of a process."""
    return f"processes/{process_id}.bpmn"


def choices(files: Mapping[str, str]) -> dict[str, list[dict[str, str]]]:
    """Return what the drop-down lists of the panel offer: forms, roles, decisions and processes, value and label."""
    forms = [file for group in grouped(files).values() for file in group if file.group == "Forms"]
    diagrams = [file for file in grouped(files).get("Diagrams", []) if file.process_id]
    return {
        "forms": [_choice(PurePosixPath(form.path).stem, form.name) for form in forms],
        "roles": [_choice(role["id"], role["name"]) for role in _list(files.get("processes/roles.json", "[]"))],
        "decisions": [_choice(key, name) for key, name in _decisions(files).items()],
        "processes": [_choice(str(diagram.process_id), diagram.name) for diagram in diagrams],
    }


def described(text: str, role_names: Mapping[str, str]) -> list[Described]:
    """Return the elements of a diagram people may want to know of, in words, in reading order from left to right."""
    diagram = read(text)
    from_left_to_right = sorted(diagram.elements.values(), key=lambda element: _place(diagram, element))
    told = [_described(element, role_names) for element in from_left_to_right]
    return [element for element in told if element.values]


def _described(element: Drawn, role_names: Mapping[str, str]) -> Described:
    called = element.name
    if element.kind == "sequenceFlow":
        called = f"{element.values.get('sourceRef', '')} → {element.values.get('targetRef', '')}"
    shown = {key: value for key, value in element.values.items() if key not in {"sourceRef", "targetRef"}}
    return Described(
        element.id, kind_words(element.kind), called,
        tuple((field_words(key).strip("“”"), _shown(key, value, role_names)) for key, value in shown.items()),
    )  # fmt: skip


def _shown(field: str, value: str, role_names: Mapping[str, str]) -> str:
    if field in {"role", "remind_roles"}:
        return ", ".join(role_names.get(key, key) for key in value.split())
    return value_words(field, value)


def _place(diagram: Diagram, element: Drawn) -> tuple[float, ...]:
    return diagram.places.get(element.id, ())


def _group(path: str) -> str:
    if path.startswith("forms/"):
        return "Forms"
    return KINDS.get(PurePosixPath(path).suffix, "Lists and names")


def _name(path: str, text: str) -> str:
    try:
        return plain_text(_own_name(path, text)) or path
    except UNREADABLE:
        return path


def _own_name(path: str, text: str) -> str | None:
    if path.endswith(".bpmn"):
        process = tree(text).find("{*}process")
        return process.get("name") if process is not None else None
    if path.endswith(".dmn"):
        return next((table.name for table in tables(tree(text)).values()), None)
    if path.startswith("forms/"):
        return str(json.loads(text)["title"])
    return PurePosixPath(path).stem.replace("_", " ").capitalize()


def _decisions(files: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, text in files.items():
        if path.endswith(".dmn"):
            try:
                found |= {table.id: table.name for table in tables(tree(text)).values()}
            except UNREADABLE:
                continue
    return found


def _list(text: str) -> list[dict[str, Any]]:
    try:
        return [entry for entry in json.loads(text) if {"id", "name"} <= entry.keys()]
    except UNREADABLE:
        return []


def _choice(value: str, label: str) -> dict[str, str]:
    return {"value": value, "label": label}
