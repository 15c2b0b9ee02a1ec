"""How a form definition is read: its questions, what they are called, what they offer and which of them are asked.

A form is form-js JSON. A *question* is a component with an answer; a *group* only frames questions; a *list*
(``dynamiclist``) is a question whose answer is rows. Nothing here judges an answer or changes a form.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from service.core import forms_conditions

Component: TypeAlias = Mapping[str, Any]
Directories: TypeAlias = Mapping[str, Sequence[Mapping[str, Any]]]

QUESTIONS = frozenset(
    {"textfield", "textarea", "number", "datetime", "select", "radio", "checklist", "checkbox", "dynamiclist"}
)
CHOICES = frozenset({"select", "radio", "checklist"})
KINDS = QUESTIONS | {"group", "text"}
OF_CASE = "variable:"
"""Begins the name of a list that belongs to the case, and not to the deployment, in ``valuesKey.from``."""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice: the value that is kept and the words people read."""

    value: str
    label: str


def components_of(holder: Component) -> list[Component]:
    """Return the components of a form, group or list."""
    return list(holder.get("components") or [])


def components_within(holder: object) -> Iterator[Component]:
    """Yield every component of a form that may be written badly, those inside groups and lists too."""
    inner = holder.get("components") if isinstance(holder, Mapping) else None
    for component in inner if isinstance(inner, list) else ():
        if isinstance(component, Mapping):
            yield component
            yield from components_within(component)


def key_of(component: Component) -> str:
    """Return the name under which an answer is kept; form-js calls a list's name its path."""
    return str(component.get("key") or component.get("path") or "")


def label_of(component: Component) -> str:
    """Return what the question is called, without the spaces around it."""
    return " ".join(str(component.get("label") or component.get("dateLabel") or key_of(component)).split())


def row_name(component: Component) -> str:
    """Return what one row of a list is called: ``properties.rowLabel``, else the list's own label."""
    return str(properties_of(component).get("rowLabel") or label_of(component))


def limits_of(component: Component) -> Mapping[str, Any]:
    """Return the question's ``validate`` object."""
    return component.get("validate") or {}


def properties_of(component: Component) -> Mapping[str, Any]:
    """Return the question's ``properties`` object."""
    return component.get("properties") or {}


def is_required(component: Component) -> bool:
    """Say whether the question must be answered when it is asked."""
    return limits_of(component).get("required") is True


def is_instant(component: Component) -> bool:
    """Say whether a ``datetime`` question asks for a time of day too."""
    return component.get("subtype") == "datetime"


def no_future(component: Component) -> bool:
    """Say whether a date may not lie after the moment of answering."""
    return component.get("noFuture") is True or limits_of(component).get("noFuture") is True


def options(component: Component, directories: Directories) -> list[Option]:
    """Return what a choice offers: its ``values``, or a directory's rows named by ``valuesKey.from``."""
    source = component.get("valuesKey")
    if isinstance(source, Mapping):
        rows = directories.get(str(source.get("from")), ())
        return [Option(str(row["id"]), str(row.get("name") or row["id"])) for row in rows]
    return [Option(str(o["value"]), str(o.get("label") or o["value"])) for o in component.get("values") or []]


def questions(components: Iterable[Component]) -> Iterator[Component]:
    """Yield the questions in reading order, those inside groups too; a list's own questions are not entered."""
    for component in components:
        if component.get("type") == "group":
            yield from questions(components_of(component))
        elif component.get("type") in QUESTIONS:
            yield component


def shown(
    components: Iterable[Component], answers: Mapping[str, object], scope: Mapping[str, object]
) -> tuple[list[Component], dict[str, object]]:
    """Leave out what a condition hides; return what is left and what conditions inside its lists may look at.

    ``answers`` are those of this level, ``scope`` what a row knows of the form around it. A condition sees the answers
    before it; a hidden question has no answer.
    """
    known = dict(scope)
    return list(_shown(components, answers, known)), known


def _shown(
    components: Iterable[Component], answers: Mapping[str, object], known: dict[str, object]
) -> Iterator[Component]:
    for component in components:
        if is_hidden(component, known):
            known.update(dict.fromkeys(map(key_of, questions([component]))))
        elif component.get("type") == "group":
            yield {**component, "components": list(_shown(components_of(component), answers, known))}
        else:
            if component.get("type") in QUESTIONS:
                known[key_of(component)] = plain(component, answers.get(key_of(component)))
            yield component


def is_hidden(component: Component, known: Mapping[str, object]) -> bool:
    """Say whether the component's condition leaves it out. Raises ``ValueError`` for an unreadable condition."""
    text = (component.get("conditional") or {}).get("hide")
    return bool(text) and forms_conditions.holds(forms_conditions.parse(str(text)), known)


def plain(component: Component, answer: object) -> object:
    """Return an answer as conditions see it: whole numbers, truth values, lists, texts; dates as ISO text."""
    match component.get("type"):
        case "checkbox":
            return answer is True
        case "number":
            return whole(answer)
        case "checklist" | "dynamiclist":
            return answer if isinstance(answer, list) else []
    if isinstance(answer, date):
        return answer.isoformat()
    return (answer.strip() or None) if isinstance(answer, str) else None


def whole(answer: object) -> int | None:
    """Return a whole number given as a number or in the digits 0 to 9; anything else is ``None``."""
    if isinstance(answer, bool):
        return None
    if isinstance(answer, str) and re.fullmatch(r"-?[0-9]{1,15}", answer.strip()):
        return int(answer)
    return answer if isinstance(answer, int) else None


def is_blank(answer: object) -> bool:
    """Say whether nothing was answered: nothing, only spaces, an unticked box, or rows and objects of such."""
    if isinstance(answer, str):
        return not answer.strip()
    if isinstance(answer, Mapping):
        return all(is_blank(inner) for inner in answer.values())
    return answer is None or answer is False or answer == []
