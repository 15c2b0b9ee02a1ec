"""Registers: what grows across the records of one form, as a table of words that any page or document can print.

A register is declared in its form: ``"register": {"title": "Costs", "list": "entries", "columns": ["on", "sum",
"@written_by"], "latest": true}``, all of it optional. A row is one row of the list, or one record where no list is
named. A column is a question of the list or of the form around it; names with ``@`` are what is known of the record
itself. ``latest`` says that a record takes the place of an earlier one given at the same task for the same item. Every
record is worded by the version of the form it was written on, so an old one reads as it did.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.core.errors import Problem
from service.core.forms_shape import Component, Directories, components_of, key_of, label_of, questions
from service.core.forms_show import Shown, british, show

OF_RECORD = {"@written_on": "Written", "@written_by": "Written by", "@agency": "Agency", "@item": "About"}
"""Columns that say something of the record: who wrote it, when, for which agency, about which item."""


DECLARED = {"title", "list", "columns", "latest"}


@dataclass(frozen=True, slots=True)
class Declared:
    """How a form is read as a register. ``list_field`` is ``None`` where each record is one row."""

    list_field: str | None = None
    columns: tuple[str, ...] = ()
    latest: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A record as a register reads it: its id, step, instant, author's name, agency, item and typed answers."""

    record: str
    seq: int
    at: datetime
    author: str
    agency: str | None
    item: str | None
    answers: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its key and what people call it."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the record it is from, ``cells`` in words in the order of the columns, ``values`` as answered, by key."""

    source: Source
    cells: tuple[str, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Register:
    """A register as one reader sees it. ``withheld`` counts the records this reader may not read."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    withheld: int = 0


def declared(form: Component) -> Declared | None:
    """What a form says of itself as a register; ``None`` for a form that is none."""
    said = form.get("register")
    if not isinstance(said, Mapping):
        return None
    named = said.get("list")
    columns = tuple(str(key) for key in said.get("columns") or ())
    title = str(said.get("title") or form.get("title") or "")
    return Declared(str(named) if named else None, columns, said.get("latest") is True, title)


def problems(said: object, keys: set[str], lists: Mapping[str, set[str]]) -> Iterator[Problem]:
    """What is wrong with a ``register``: ``keys`` are the form's questions, ``lists`` the questions of its lists."""
    if said is None:
        return
    columns = said.get("columns", []) if isinstance(said, Mapping) else None
    if not isinstance(said, Mapping) or not isinstance(columns, list) or said.keys() - DECLARED:
        yield Problem("", "“register” must be an object with “title”, “list”, “columns” (a list) and “latest”, or some")
        return
    if not isinstance(said.get("title", ""), str):
        yield Problem("", "“title” of the register must be text")
    if not isinstance(said.get("latest", False), bool):
        yield Problem("", "“latest” of the register must be true or false")
    named = said.get("list")
    if named is not None and str(named) not in lists:
        yield Problem(str(named), f"The register is made of the list “{named}”, which this form does not ask for")
        return
    for column in columns:
        if str(column) not in keys | OF_RECORD.keys() | (lists[str(named)] if named is not None else set()):
            yield Problem(str(column), f"A column of the register is “{column}”, which this form does not ask")


def columns_of(form: Component, how: Declared) -> tuple[Column, ...]:
    """The columns of a register with their labels; all questions of its rows where none are named."""
    known = {**_labels(form), **_labels(_holder(form, how.list_field)), **OF_RECORD}
    keys = how.columns or tuple(_labels(_holder(form, how.list_field)))
    return tuple(Column(key, known.get(key, key)) for key in keys)


def rows_of(form: Component, how: Declared, source: Source, directories: Directories, keys: Sequence[str]) -> list[Row]:
    """The rows that one record gives, worded by ``form``, the version it was written on; ``keys`` are the columns."""
    about = {**source.answers, **_of_record(source, directories)}
    around = {key_of(q): q for q in questions(components_of(form))}
    if how.list_field is None:
        return [_row(source, about, around, directories, keys)]
    inner = {**around, **{key_of(q): q for q in questions(components_of(_holder(form, how.list_field)))}}
    found = source.answers.get(how.list_field)
    entries = [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []
    return [_row(source, {**about, **entry}, inner, directories, keys) for entry in entries]


def in_force(places: Mapping[str, object]) -> frozenset[str]:
    """The records that no later one has taken the place of; ``places`` are by record id, the oldest first."""
    return frozenset({place: record for record, place in places.items()}.values())


def containing(rows: Sequence[Row], text: str) -> list[Row]:
    """The rows that hold every word of ``text``, whatever its case."""
    words = text.casefold().split()
    return [row for row in rows if all(word in "\n".join(row.cells).casefold() for word in words)]


def _holder(form: Component, list_field: str | None) -> Component:
    if list_field is None:
        return form
    found = (q for q in questions(components_of(form)) if key_of(q) == list_field)
    return next(found, {"components": []})


def _labels(holder: Component) -> dict[str, str]:
    return {key_of(q): label_of(q) for q in questions(components_of(holder))}


def _of_record(source: Source, directories: Directories) -> dict[str, str]:
    names = {str(row["id"]): str(row.get("name") or row["id"]) for rows in directories.values() for row in rows}
    of = {"@agency": source.agency, "@item": source.item}
    told = {key: names.get(said, said) if said else "" for key, said in of.items()}
    return {**told, "@written_on": british(source.at), "@written_by": source.author}


def _row(
    source: Source, answers: Mapping[str, Any], asked: Mapping[str, Component], directories: Directories,
    keys: Sequence[str],
) -> Row:  # fmt: skip
    cells = tuple(_cell(asked.get(key), answers.get(key), directories, known=key in answers) for key in keys)
    return Row(source, cells, {key: answers.get(key) for key in keys})


def _cell(question: Component | None, answer: Any, directories: Directories, *, known: bool) -> str:
    """One answer in words; empty where it was not asked."""
    if not known:
        return ""
    if question is None:
        return str(answer or "")
    (shown,) = show({"components": [question]}, {key_of(question): answer}, directories)
    return _flat(shown[1])


def _flat(shown: Shown) -> str:
    if isinstance(shown, str):
        return shown
    return "\n".join("; ".join(_inner(row)) for row in shown)


def _inner(row: Sequence[tuple[str, Shown]]) -> Iterator[str]:
    return (f"{label}{'' if label.endswith('?') else ':'} {_flat(said)}" for label, said in row)
