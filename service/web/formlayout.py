"""A form laid out for a page: what each question shows, under which names and element ids, with what was typed.

``templates/forms/fields.html`` turns this into components and decides nothing itself. A question whose condition hides
it is left out, and what was typed for it is carried along in hidden fields; no question opens or shuts on the page.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from flask import Flask

from service.core.errors import Problem
from service.core.forms_shape import (
    Component,
    Directories,
    components_of,
    is_instant,
    is_required,
    key_of,
    label_of,
    limits_of,
    options,
    questions,
    row_name,
    shown,
)
from service.core.forms_wording import lowered
from service.web.filters import paragraphs
from service.web.formdata import Typed, answers, parts_of

Errors: TypeAlias = Mapping[str, str] | Iterable[Problem]

DATE_HINT = "For example, 27 3 2013"
INSTANT_HINT = "For example, 27 3 2013 at 14:30"
WIDTHS = {"day": "2", "month": "2", "year": "4", "time": "5"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list: its number from 0, what it is called, its questions."""

    number: int
    legend: str
    items: tuple["Item", ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing on the page. ``value`` is what was typed, ``parts`` the boxes of a date, ``choices`` the options."""

    kind: str
    name: str = ""
    label: str = ""
    hint: str | None = None
    error: str | None = None
    value: Any = ""
    longest: int | None = None
    choices: tuple[Mapping[str, Any], ...] = ()
    parts: tuple[Mapping[str, Any], ...] = ()
    items: tuple["Item", ...] = ()
    rows: tuple[Row, ...] = ()
    row_name: str = ""
    blocks: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """A form on a page. ``asked`` names every question shown; ``carried`` are (name, value) pairs kept unseen."""

    items: tuple[Item, ...]
    asked: tuple[str, ...]
    carried: tuple[tuple[str, str], ...]
    has_conditions: bool


@dataclass(frozen=True, slots=True)
class Context:
    """What every question of a page is laid out with."""

    messages: Mapping[str, str]
    directories: Directories


def register(app: Flask) -> None:
    """Make the layout known to the templates."""
    app.jinja_env.globals.update(form_layout=layout, form_error_links=error_links)


def layout(form: Component, typed: Typed, errors: Errors, directories: Directories) -> Layout:
    """Lay out ``form``. ``errors`` are messages by name, or the problems of a refusal."""
    context = Context(messages_of(errors), directories)
    raw = answers(form, typed)
    items = tuple(_items(form, typed, raw, {}, "", context))
    asked = tuple(_names(items))
    carried = tuple(pair for pair in _pairs(form, typed, "") if not _belongs(pair[0], frozenset(asked)))
    return Layout(items, asked, carried, _has_conditions(form))


def messages_of(errors: Errors) -> dict[str, str]:
    """Return one message for each name; of several the first counts."""
    if isinstance(errors, Mapping):
        return dict(errors)
    return {problem.field: problem.message for problem in reversed(list(errors))}


def error_links(errors: Errors, form: Component, typed: Typed | None = None) -> list[dict[str, str]]:
    """Return the entries of an error summary: ``text``, and ``href`` where the question is on the page."""
    shown_names = set(layout(form, typed, {}, {}).asked) if typed is not None else None
    pairs = errors.items() if isinstance(errors, Mapping) else [(p.field, p.message) for p in errors]
    links: list[dict[str, str]] = []
    for name, message in pairs:
        target = element_id(form, name) if shown_names is None or name in shown_names else None
        links.append({"text": message, "href": f"#{target}"} if target else {"text": message})
    return links


def element_id(form: Component, name: str) -> str | None:
    """Return the id of the element to put right for an error: a date's day, a list's button, else the field itself."""
    holder, question = form, None
    for part in name.split("-"):
        if part.isdecimal() and question is not None:
            holder = question
            continue
        question = next((q for q in questions(components_of(holder)) if key_of(q) == part), None)
        if question is None:
            return None
    if question is None or name.rsplit("-", maxsplit=1)[-1].isdecimal():
        return None
    return name + {"datetime": "-day", "dynamiclist": "-add"}.get(question["type"], "")


def _items(
    holder: Component, typed: Typed, raw: Mapping[str, Any], scope: Mapping[str, object], prefix: str, context: Context
) -> Iterator[Item]:
    left, known = shown(components_of(holder), raw, scope)
    yield from _laid(left, typed, raw, known, prefix, context)


def _laid(
    left: Iterable[Component],
    typed: Typed,
    raw: Mapping[str, Any],
    known: Mapping[str, object],
    prefix: str,
    context: Context,
) -> Iterator[Item]:
    for component in left:
        match component["type"]:
            case "text":
                yield Item("text", blocks=tuple(paragraphs(_spaced(str(component.get("text") or "")))))
            case "group":
                inner = tuple(_laid(components_of(component), typed, raw, known, prefix, context))
                if inner:
                    kind = "departure" if component.get("departs") else "group"
                    yield Item(kind, label=str(component.get("label") or ""), items=inner)
            case "dynamiclist":
                yield _list(component, typed, raw, known, prefix, context)
            case _:
                yield _question(component, typed.get(key_of(component)), prefix + key_of(component), context)


def _spaced(text: str) -> str:
    """Put empty lines around headings, so that each is a block of its own."""
    return re.sub(r"(?m)^(#{1,3} .*)$", r"\n\1\n", text)


def _list(
    component: Component,
    typed: Typed,
    raw: Mapping[str, Any],
    known: Mapping[str, object],
    prefix: str,
    context: Context,
) -> Item:
    key = key_of(component)
    name = prefix + key
    rows = typed[key] if key in typed else [{}] * min(int(component.get("defaultRepetitions", 1)), 10)
    judged = list(raw.get(key) or []) + [{}] * len(rows)
    laid = tuple(
        Row(
            number,
            f"{row_name(component)} {number + 1}",
            tuple(_items(component, row, judged[number], known, f"{name}-{number}-", context)),
        )
        for number, row in enumerate(rows)
    )
    return Item(
        "dynamiclist", name, _label(component), _hint(component), context.messages.get(name),
        rows=laid, row_name=lowered(row_name(component)),
    )  # fmt: skip


def _label(component: Component) -> str:
    needless = is_required(component) or component["type"] == "checkbox"
    return label_of(component) + ("" if needless else " (optional)")


def _hint(component: Component) -> str | None:
    own = str(component.get("description") or "").strip()
    if component["type"] != "datetime":
        return own or None
    return own or (INSTANT_HINT if is_instant(component) else DATE_HINT)


def _question(component: Component, typed: Any, name: str, context: Context) -> Item:
    kind, error = component["type"], context.messages.get(name)
    value: Any = typed if typed is not None else ""
    return Item(
        kind, name, _label(component), _hint(component), error, value,
        longest=limits_of(component).get("maxLength"),
        choices=tuple(_choices(component, value, context.directories)),
        parts=tuple(_parts(component, value or {}, bad=bool(error))) if kind == "datetime" else (),
    )  # fmt: skip


def _choices(component: Component, value: Any, directories: Directories) -> Iterator[Mapping[str, Any]]:
    if component["type"] == "select":
        yield {"value": "", "text": "Choose one", "selected": not value}
    chosen = value if isinstance(value, list) else [value]
    for option in options(component, directories):
        is_chosen = option.value in chosen
        yield {"value": option.value, "text": option.label, "checked": is_chosen, "selected": is_chosen}


def _parts(component: Component, value: Mapping[str, str], *, bad: bool) -> Iterator[Mapping[str, Any]]:
    for part in parts_of(component):
        classes = f"govuk-input--width-{WIDTHS[part]}" + (" govuk-input--error" if bad else "")
        inputmode = "text" if part == "time" else "numeric"
        yield {"name": part, "value": value.get(part, ""), "classes": classes, "inputmode": inputmode}


def _names(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        if item.name:
            yield item.name
        yield from _names(item.items)
        for row in item.rows:
            yield from _names(row.items)


def _pairs(holder: Component, typed: Typed, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield every field that carries something typed, as a browser would send it."""
    for question in questions(components_of(holder)):
        name, value = prefix + key_of(question), typed.get(key_of(question))
        match value:
            case dict():
                yield from ((f"{name}-{part}", text) for part, text in value.items() if text)
            case list() if question["type"] == "dynamiclist":
                yield f"{name}-rows", str(len(value))
                for number, row in enumerate(value):
                    yield from _pairs(question, row, f"{name}-{number}-")
            case list():
                yield from ((name, text) for text in value)
            case str() if value:
                yield name, value


def _belongs(name: str, asked: frozenset[str]) -> bool:
    """Say whether a field is one of those on the page: the question itself, a part of its date, its number of rows."""
    question, _, part = name.rpartition("-")
    return name in asked or (question in asked and not part.isdecimal())


def _has_conditions(holder: Component) -> bool:
    return any(
        bool((component.get("conditional") or {}).get("hide")) or _has_conditions(component)
        for component in components_of(holder)
    )
