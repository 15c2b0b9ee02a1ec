"""What the things in a history are called: elements, messages, questions, answers and rows of decision tables.

Everything comes from the definition a case is pinned to, so an old case reads as it did when it ran.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.core import values
from service.core.definitions import Element, ProcessDefinition
from service.core.diagram_reading import tree
from service.core.diagram_words import listed
from service.core.table_differences import Table, tables
from service.web.filters import british_time

KEY = re.compile(r"[a-z]+(_[a-z]+)+")
PLAIN = {True: "yes", False: "no", None: "not known"}


@dataclass(frozen=True, slots=True)
class Question:
    """What a process variable was asked as, and how its options are worded."""

    label: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one definition; ``questions`` by variable, without the name of a multi-instance item."""

    definition: ProcessDefinition
    questions: Mapping[str, Question]
    tables: Mapping[str, Table]
    directory: Mapping[str, str]


def names_of(definition: ProcessDefinition) -> Names:
    """Read every name of ``definition`` once."""
    listed_things = [row for rows in definition.directories.values() for row in rows]
    directory = {str(row["id"]): str(row.get("name", row["id"])) for row in listed_things}
    found: dict[str, Table] = {}
    for path, text in definition.files.items():
        if path.endswith(".dmn"):
            for table in tables(tree(text)).values():
                found |= {table.id: table, table.table_id: table}
    return Names(definition, _questions(definition), found, directory)


def element(names: Names, event: Mapping[str, Any]) -> Element | None:
    """Return the node an event names, or None if it names none."""
    process = names.definition.processes.get(event.get("process_id", ""))
    return process.elements.get(event.get("element_id", "")) if process else None


def element_name(names: Names, event: Mapping[str, Any]) -> str:
    """Return the quoted name of the node an event names, with the multi-instance item it ran for."""
    found = element(names, event)
    called = (found.name if found else "") or event.get("element_id", "")
    item = event.get("item")
    return f"“{called}”" + (f" for {names.directory.get(item, item)}" if item else "")


def message_name(names: Names, message: str) -> str:
    """Return the name of the event that receives ``message``."""
    nodes = [node for process in names.definition.processes.values() for node in process.elements.values()]
    return next((node.name for node in nodes if node.message == message and node.name), message.replace("_", " "))


def question(names: Names, variable: str) -> str:
    """Return the question a variable answers, ending in a colon or a question mark."""
    key = without_item(variable)
    label = names.questions[key].label if key in names.questions else plain(key)
    return label if label.endswith("?") else label.rstrip(":") + ":"


def without_item(variable: str) -> str:
    """Return the name of a variable or of a field of a multi-instance item: ``agency.contact`` gives ``contact``."""
    return variable.rpartition(".")[2]


def answer(names: Names, variable: str, written: Any) -> str:
    """Return a variable's written value as its question words it."""
    key = without_item(variable)
    options = names.questions[key].options if key in names.questions else {}
    return _worded(names, options, values.decode(written))


def plain(variable: str) -> str:
    """Return a variable's own name as words: ``age_at_death`` gives ``Age at death``."""
    return without_item(variable).replace("_", " ").capitalize()


def position(names: Names, variable: str) -> int:
    """Return where among all questions a variable is asked; after all of them if it is not."""
    key = without_item(variable)
    return list(names.questions).index(key) if key in names.questions else len(names.questions)


def deciding_rows(names: Names, decision: str, rules: Sequence[str]) -> str:
    """Return ``row 3 (“its note”)`` for the rules of a decision table that decided: the first one if it says so."""
    table = names.tables.get(decision)
    if table is None:
        return listed(list(rules))
    rows = [row for row in table.rows if row.id in rules]
    shown = rows[:1] if table.policy == "FIRST" else rows
    return listed([f"row {row.number}" + (f" (“{row.note}”)" if row.note else "") for row in shown])


def decision_name(names: Names, decision: str) -> str:
    """Return the name of a decision table."""
    return names.tables[decision].name if decision in names.tables else decision


def _worded(names: Names, options: Mapping[str, str], value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return PLAIN[value]
    if isinstance(value, list):
        return listed([_worded(names, options, entry) for entry in value]) or "none"
    if isinstance(value, dict):
        return str(value.get("name") or value.get("title") or _worded(names, options, value.get("id")))
    if hasattr(value, "isoformat"):
        return british_time(value)
    text = str(value)
    plain = text.replace("_", " ") if KEY.fullmatch(text) else text
    return options.get(text) or names.directory.get(text, plain)


def _questions(definition: ProcessDefinition) -> dict[str, Question]:
    found: dict[str, Question] = {}
    waiting = [component for form in definition.forms.values() for component in form.get("components", [])]
    while waiting:
        component = waiting.pop(0)
        waiting = [*component.get("components", []), *waiting]
        variable = component.get("properties", {}).get("variable", "")
        if variable:
            options = {str(option["value"]): str(option["label"]) for option in component.get("values", [])}
            found[without_item(variable)] = Question(str(component.get("label", variable)), options)
    return found
