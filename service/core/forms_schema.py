"""A form and what was sent make a marshmallow schema: only the questions that are asked, each by its builder.

Promises: an answer to a question that is not asked is refused, never dropped; a row left wholly empty is no row; every
row that a process will work through has an ``id`` of its own.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from marshmallow import Schema, ValidationError, fields

from service.core import forms_wording as wording
from service.core.forms_door import printable
from service.core.forms_fields import Asking, asked_for, build, missing
from service.core.forms_shape import (
    CHOICES,
    Component,
    components_of,
    is_blank,
    is_required,
    key_of,
    label_of,
    properties_of,
    questions,
    row_name,
    shown,
)

MOST_UNKNOWN = 10
ROW_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def load(
    components: Iterable[Component], raw: Mapping[str, object], scope: Mapping[str, object], asking: Asking
) -> dict[str, object]:
    """Return typed answers by key, of the questions that are asked.

    ``scope`` holds what a row's conditions may see of the form around it. Raises ``ValidationError`` whose messages
    are keyed as the answers are.
    """
    components = list(components)
    visible, known = shown(components, raw, scope)
    asked = list(questions(visible))
    messages: dict[str | int, Any] = _not_asked(components, asked, raw)
    schema = Schema.from_dict({key_of(c): _field(c, known, asking) for c in asked})()
    try:
        answers = schema.load({key_of(c): _settled(c, raw.get(key_of(c))) for c in asked})
    except ValidationError as error:
        messages.update(error.messages_dict)
    if messages:
        raise ValidationError(messages)
    return {key_of(c): _empty(c) if answers[key_of(c)] is None else answers[key_of(c)] for c in asked}


def _not_asked(
    components: list[Component], asked: list[Component], raw: Mapping[str, object]
) -> dict[str | int, list[str]]:
    labels = {key_of(c): label_of(c) for c in questions(components)}
    hidden = labels.keys() - set(map(key_of, asked))
    unknown = [key for key in raw if key not in labels]
    messages: dict[str | int, list[str]] = {
        key: [f"“{printable(key)}” is not a question of this form"] for key in unknown[:MOST_UNKNOWN]
    }
    for key in raw:
        if key in hidden and not is_blank(raw[key]):
            messages[key] = [f"“{labels[key]}” was not asked, so it cannot be answered"]
    return messages


def _field(component: Component, known: Mapping[str, object], asking: Asking) -> fields.Field[Any]:
    if component["type"] == "dynamiclist":
        return asked_for(component, partial(_rows, component, known, asking))
    return build(component, asking)


def _settled(component: Component, answer: object) -> object:
    """Return an answer without the spaces around it; an empty one is ``None``, and an unticked box ``False``."""
    if component["type"] == "checkbox":
        return False if answer is None else answer
    if isinstance(answer, str):
        return answer.strip() or None
    return None if answer == [] else answer


def _empty(component: Component) -> object:
    return [] if component["type"] in ("checklist", "dynamiclist") else None


def _rows(component: Component, known: Mapping[str, object], asking: Asking, answer: object) -> list[dict[str, object]]:
    if not isinstance(answer, list):
        raise ValidationError(f"{wording.subject(label_of(component))} must be a list")
    rows: dict[int, dict[str, object]] = {}
    messages: dict[str | int, Any] = {}
    for number, row in enumerate(answer):
        if is_blank(row):
            continue
        try:
            rows[number] = _row(component, row, known, asking)
        except ValidationError as error:
            messages[number] = {key: _of_row(component, number, m) for key, m in error.messages_dict.items()}
    if not messages:
        messages = _name_rows(component, rows)
    if messages:
        raise ValidationError(messages)
    if not rows and is_required(component):
        raise ValidationError(missing(component))
    return list(rows.values())


def _row(component: Component, row: object, known: Mapping[str, object], asking: Asking) -> dict[str, object]:
    if not isinstance(row, Mapping):
        raise ValidationError({"": [f"{label_of(component)} must be a list of rows with named answers"]})
    given = row.get("id")
    if has_own_ids(component) or "id" not in row or not wants_ids(component):
        return load(components_of(component), row, known, asking)
    if not isinstance(given, str) or not ROW_ID.fullmatch(given):
        raise ValidationError({"id": ["The id of a row must be small letters, digits, - or _"]})
    answers = load(components_of(component), {k: v for k, v in row.items() if k != "id"}, known, asking)
    return {"id": given, **answers}


def _of_row(component: Component, number: int, messages: Any) -> Any:
    """Add to each sentence which row it speaks of."""
    if isinstance(messages, Mapping):
        return {key: _of_row(component, number, inner) for key, inner in messages.items()}
    return [f"{message} ({wording.lowered(row_name(component))} {number + 1})" for message in messages]


def wants_ids(component: Component) -> bool:
    """Say whether the rows of a list need an ``id``: a process works through them, or ids are made from an answer."""
    return bool(properties_of(component).get("variable") or properties_of(component).get("idFrom"))


def has_own_ids(component: Component) -> bool:
    """Say whether one of the list's own questions gives the ``id``."""
    return any(key_of(c) == "id" for c in questions(components_of(component)))


def _name_rows(component: Component, rows: dict[int, dict[str, object]]) -> dict[str | int, Any]:
    """Give every row its id, in place; return what is said of a row that names the same thing as an earlier one."""
    if not wants_ids(component):
        return {}
    source = "id" if has_own_ids(component) else str(properties_of(component).get("idFrom") or "id")
    asked = {key_of(c): c for c in questions(components_of(component))}
    once = source == "id" or (source in asked and asked[source]["type"] in CHOICES)
    used: set[str] = set()
    messages: dict[str | int, Any] = {}
    for number, row in rows.items():
        found = str(row.get("id") or row.get(source) or "")
        chosen = found if source == "id" or row.get("id") else slug(found)
        if once and chosen in used:
            messages[number] = {source: _of_row(component, number, ["Each row must be different: this one is there"])}
        row["id"] = _unused(chosen or slug(row_name(component)) or "row", used)
        used.add(str(row["id"]))
    return messages


def slug(text: str) -> str:
    """Return ``text`` as an id of small letters, digits and hyphens, at most 48 long; empty if nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))[:48].strip("-")


def _unused(wanted: str, used: set[str]) -> str:
    """Return ``wanted``, or with the first number behind it that makes it new."""
    numbered = (f"{wanted}-{number}" for number in range(2, len(used) + 3))
    return next(name for name in (wanted, *numbered) if name not in used)
