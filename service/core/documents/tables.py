"""Tables of a document over the records of a form, or over a process variable that is a list.

Promises: a record the reader may not read adds nothing but to the count of those not shown. Columns are fields of the
form, or expressions over a row, which sees its own fields, then its record's, then the case's names.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from service.core.documents import words
from service.core.documents.facts import Facts, Record
from service.core.documents.parts import Cell, Column, Table
from service.core.documents.words import Scope
from service.core.forms_shape import Component, components_of, key_of, label_of, questions


@dataclass(frozen=True, slots=True)
class Shown:
    """A column as it is described: key, heading, the expression or field it shows, its unit, the question behind it."""

    key: str
    label: str
    field: str
    value: str
    unit: str
    question: Component | None


Row = tuple[Scope, Mapping[str, Any]]


def table(described: Mapping[str, Any], scope: Scope, facts: Facts, caption: str) -> Table:
    """The table that ``described`` (the ``table`` of a section) asks for."""
    asked = row_questions(described, scope)
    columns = [_shown(each, asked, scope) for each in described["columns"]]
    rows, hidden = _rows(described, scope, facts, asked)
    kept = [row for row in rows if words.holds(row[0], described.get("only"))]
    if "by" in described:
        made = _grouped(described, columns, kept)
    else:
        made = _plain(described, columns, _ordered(kept, described.get("order", ())))
    return Table(caption, *made, hidden=hidden)


def row_questions(described: Mapping[str, Any], scope: Scope) -> dict[str, Component]:
    """The questions of a row by key: of the form, of its list, or of the list a variable holds."""
    if "variable" in described:
        holder = scope.asked.get(described["variable"], {})
        return _by_key(holder) if holder.get("type") == "dynamiclist" else {}
    form = _by_key(scope.definition.forms.get(described["form"], {}))
    return {**form, **_by_key(form[described["list"]])} if "list" in described else form


def answers(described: Mapping[str, Any], scope: Scope, facts: Facts, caption: str) -> Table:
    """The newest record of a form as questions and answers, one below the other: the ``answers`` of a section."""
    asked = row_questions(described, scope)
    rows, hidden = _rows({**described, "which": "latest"}, scope, facts, asked)
    columns = [_shown(each, asked, scope) for each in described["fields"]]
    cells = tuple((Cell(column.label), cell(column, row)) for row in rows for column in columns)
    return Table(caption, (Column("Question"), Column("Answer")), cells, hidden=hidden)


def _by_key(holder: Component) -> dict[str, Component]:
    return {key_of(question): question for question in questions(components_of(holder))}


def _shown(described: str | Mapping[str, Any], asked: Mapping[str, Component], scope: Scope) -> Shown:
    given: Mapping[str, Any] = {"field": described} if isinstance(described, str) else described
    field = str(given.get("field", ""))
    question = question_at(scope.definition.forms, str(given["as"])) if "as" in given else asked.get(field)
    label = str(given.get("label") or (label_of(question) if question else field))
    return Shown(field or label, label, field, str(given.get("value", "")), str(given.get("unit", "")), question)


def question_at(forms: Mapping[str, Component], place: str) -> Component | None:
    """The question at ``form.key`` or, in a list of the form, ``form.list.key``; ``None`` where there is none."""
    form, *keys = place.split(".")
    holder: Component | None = forms.get(form)
    for key in keys:
        holder = _by_key(holder).get(key) if holder else None
    return holder if keys else None


def _rows(
    described: Mapping[str, Any], scope: Scope, facts: Facts, asked: Mapping[str, Component]
) -> tuple[list[Row], int]:
    none = dict.fromkeys(asked)
    if "variable" in described:
        name = described["variable"]
        if name in facts.closed:
            return [], 1
        found = scope.names.get(name)
        rows = [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
        return [(scope.inside({**none, **row}), {**none, **row}) for row in rows], 0
    records = [record for record in facts.records if record.form == described["form"]]
    agencies = {str(row["id"]): str(row["name"]) for rows in scope.definition.directories.values() for row in rows}
    open_ones = [record for record in records if record.readable]
    chosen = open_ones[-1:] if described.get("which") == "latest" else open_ones
    inner = described.get("list")
    hidden = len(records) - len(open_ones)
    return [row for r in chosen for row in _of(r, inner, none, scope, agencies.get(r.agency or "", r.agency))], hidden


def _of(
    record: Record, inner: str | None, none: Mapping[str, Any], scope: Scope, agency: str | None
) -> Iterator[Row]:
    told = {"seq": record.seq, "at": record.at, "agency": agency}
    whole = {**none, **record.answers}
    if inner is None:
        yield scope.inside({**whole, "record": told}), whole
        return
    rows = record.answers.get(inner)
    for row in rows if isinstance(rows, list) else ():
        fields = {**whole, **row}
        yield scope.inside({**fields, "record": told}), fields


def _ordered(rows: list[Row], keys: Sequence[str]) -> list[Row]:
    def rank(row: Row) -> tuple[tuple[bool, str], ...]:
        found = (row[1].get(key) for key in keys)
        return tuple((value is None, _sortable(value)) for value in found)

    return sorted(rows, key=rank)


def _sortable(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value + 1e15:025.6f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def cell(column: Shown, row: Row) -> Cell:
    """What a column shows of a row."""
    scope, fields = row
    found = words.value(scope, column.value) if column.value else fields.get(column.field)
    if found is None or found in ("", []):
        return Cell("")
    if isinstance(found, int | float) and not isinstance(found, bool):
        return Cell(words.number(found, column.unit), found)
    asked = column.question
    return Cell(words.answered(asked, found, scope.definition) if asked else words.worded(found))


def _plain(
    described: Mapping[str, Any], columns: list[Shown], rows: list[Row]
) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...], tuple[Cell, ...]]:
    cells = tuple(tuple(cell(column, row) for column in columns) for row in rows)
    summed = set(described.get("sum", ()))
    heads = tuple(Column(c.label, numbers=_numbers(c) or c.key in summed) for c in columns)
    return heads, cells, _total(columns, cells, summed) if summed else ()


def _numbers(column: Shown) -> bool:
    return bool(column.unit) or (column.question or {}).get("type") == "number"


def _total(columns: list[Shown], cells: Iterable[tuple[Cell, ...]], summed: set[str]) -> tuple[Cell, ...]:
    sums = [sum(row[n].number or 0 for row in cells) if c.key in summed else None for n, c in enumerate(columns)]
    first = next((n for n, value in enumerate(sums) if value is None), -1)
    return tuple(
        Cell("Total" if n == first else "") if value is None else Cell(words.number(value, columns[n].unit), value)
        for n, value in enumerate(sums)
    )


def _grouped(
    described: Mapping[str, Any], columns: list[Shown], rows: list[Row]
) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...], tuple[Cell, ...]]:
    """One row for each combination of the fields in ``by``: how many entries, their sums, and a share of one sum."""
    by = [column for column in columns if column.key in described["by"]]
    summed = [column for column in columns if column not in by]
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(cell(column, row).text for column in by), []).append(row)
    sums = {key: [_sum(column, found) for column in summed] for key, found in sorted(groups.items())}
    whole = [sum(each[n] for each in sums.values()) for n in range(len(summed))]
    share = next((n for n, column in enumerate(summed) if column.key == described.get("share")), None)

    def numbers(entries: int, each: Sequence[float]) -> Iterator[Cell]:
        yield Cell(f"{entries:,}", entries)
        yield from (Cell(words.number(v, column.unit), v) for v, column in zip(each, summed, strict=True))
        if share is not None:
            part = round(100 * each[share] / whole[share], 1) if whole[share] else 0.0
            yield Cell(f"{part}%", part)

    heads = [*(Column(c.label) for c in by), Column("Entries", numbers=True)]
    heads += [Column(c.label, numbers=True) for c in summed]
    heads += [Column(f"Share: {summed[share].label}", numbers=True)] if share is not None else []
    body = tuple((*map(Cell, key), *numbers(len(groups[key]), each)) for key, each in sums.items())
    total = (Cell("Total"), *(Cell("") for _ in by[1:]), *numbers(len(rows), whole))
    return tuple(heads), body, total


def _sum(column: Shown, rows: list[Row]) -> int | float:
    return sum(cell(column, row).number or 0 for row in rows)
