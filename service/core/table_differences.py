"""How two versions of a decision table differ, row by row, in sentences."""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from service.core.diagram_reading import plain_text

Sentences = Iterator[tuple[str | None, str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One rule of a decision table: its number from 1, its id, its cells by column heading, and its note."""

    number: int
    id: str
    cells: tuple[tuple[str, str], ...]
    note: str


@dataclass(frozen=True, slots=True)
class Table:
    """A decision table: the ids of decision and table, the name, hit policy, column headings and rows."""

    id: str
    table_id: str
    name: str
    policy: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def tables(root: etree._Element) -> dict[str, Table]:
    """Return the decision tables of a DMN file by id."""
    found = (_table(node) for node in root.iter("{*}decision"))
    return {table.id: table for table in found}


def table_sentences(old: etree._Element, new: etree._Element) -> Sentences:
    """Yield (decision id, sentence) for each change between two DMN files."""
    before, after = tables(old), tables(new)
    for key in after.keys() - before.keys():
        yield key, f"The decision table “{after[key].name}” is new."
    for key in before.keys() - after.keys():
        yield key, f"The decision table “{before[key].name}” is taken away."
    for key in before.keys() & after.keys():
        yield from ((key, sentence) for sentence in _changes(before[key], after[key]))


def _table(node: etree._Element) -> Table:
    inside = node.find("{*}decisionTable")
    columns = [_heading(c) for c in node.iter("{*}input", "{*}output")]
    rows = tuple(_row(at, rule, columns) for at, rule in enumerate(node.iter("{*}rule"), 1))
    policy = "UNIQUE" if inside is None else inside.get("hitPolicy", "UNIQUE")
    table_id = node.get("id", "") if inside is None else inside.get("id", "")
    return Table(node.get("id", ""), table_id, node.get("name", node.get("id", "")), policy, tuple(columns), rows)


def _heading(column: etree._Element) -> str:
    said = column.findtext("{*}inputExpression/{*}text", "")
    return plain_text(column.get("label")) or plain_text(column.get("name")) or plain_text(said) or column.get("id", "")


def _row(number: int, rule: etree._Element, columns: list[str]) -> Row:
    texts = [plain_text(c.findtext("{*}text", "")) for c in rule.iter("{*}inputEntry", "{*}outputEntry")]
    note = plain_text(rule.findtext("{*}description", ""))
    cells = tuple(zip(columns, texts, strict=False))
    return Row(number, rule.get("id", str(number)), cells, note)


def _changes(old: Table, new: Table) -> Iterator[str]:
    yield from _whole(old, new)
    before, after = {r.id: r for r in old.rows}, {r.id: r for r in new.rows}
    for row in new.rows:
        if row.id not in before:
            yield f"Row {row.number} of “{new.name}” is new: {_said(row)}."
        else:
            yield from _cells(new.name, before[row.id], row)
    for row in old.rows:
        if row.id not in after:
            yield f"Row {row.number} of “{old.name}” is taken away: {_said(row)}."
    if [r.id for r in old.rows if r.id in after] != [r.id for r in new.rows if r.id in before]:
        yield f"The order of the rows of “{new.name}” changes."


def _whole(old: Table, new: Table) -> Iterator[str]:
    if old.name != new.name:
        yield f"The decision table “{old.name}” is now called “{new.name}”."
    if old.policy != new.policy:
        yield f"“{new.name}” changes how it picks a row, from {old.policy} to {new.policy}."
    if old.columns != new.columns:
        yield f"The columns of “{new.name}” change from {', '.join(old.columns)} to {', '.join(new.columns)}."


def _cells(name: str, old: Row, new: Row) -> Iterator[str]:
    before = dict(old.cells)
    for column, text in new.cells:
        was, now = before.get(column) or "anything", text or "anything"
        if was != now:
            yield f"Row {new.number} of “{name}”: {column} changes from {was} to {now}."
    if old.note != new.note:
        yield f"The note of row {new.number} of “{name}” changes to “{new.note}”."


def _said(row: Row) -> str:
    return ", ".join(f"{column} {text or 'anything'}" for column, text in row.cells)
