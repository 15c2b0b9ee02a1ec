"""A document over all cases a person may see: a row for each, and counts, for one year.

Promises: pure. A case for which an expression speaks of something not known is not counted by it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from statistics import median
from typing import Any

from service.core.calendar import LONDON
from service.core.definitions import ProcessDefinition
from service.core.documents import timing, words
from service.core.documents.building import case_names, is_draft, paragraphs
from service.core.documents.facts import CaseFacts
from service.core.documents.parts import Block, Cell, Column, Document, Section, Table
from service.core.documents.words import Scope
from service.core.errors import NotFound
from service.core.forms_show import british


@dataclass(frozen=True, slots=True)
class Asked:
    """A return as it was asked for: its definition, its year, the London day it is made on, the cases it is over."""

    definition: ProcessDefinition
    year: int
    on: date
    cases: Sequence[CaseFacts]


def described(definition: ProcessDefinition, document_id: str) -> Mapping[str, Any]:
    """What the definition says of a document over all cases. Raises ``NotFound``."""
    found = definition.documents.get(document_id)
    if found is None or found["of"] != "all cases":
        raise NotFound("There is no such document.")
    return found


def build(asked: Asked, document_id: str) -> Document:
    """The document for the year that was asked for. Raises ``NotFound`` and ``DocumentBroken``."""
    what, definition = described(asked.definition, document_id), asked.definition
    at = datetime.combine(asked.on, time(23, 59, 59), LONDON)
    base = {"year": asked.year, "local": definition.local}
    whole = words.scope_of(definition, base, at)
    scopes = [whole.inside(_names(definition, case)) for case in asked.cases]
    return Document(
        id=document_id, title=f"{what['title']} {asked.year}", about=str(what.get("about", "")),
        name=f"{document_id}-{asked.year}", at=at, draft=is_draft(what, whole, ended=asked.on.year > asked.year),
        head=tuple(_head(what, asked)),
        sections=tuple(_sections(what, whole, scopes)),
        organisation=str(definition.deployment.get("organisation", "")),
    )  # fmt: skip


def _head(what: Mapping[str, Any], asked: Asked) -> Iterator[tuple[str, str]]:
    deployment, number = asked.definition.deployment, len(asked.cases)
    word = str(deployment.get("case_word", "case"))
    several = str(deployment.get("case_words") or f"{word}s")
    yield "Year", str(asked.year)
    if what.get("clause"):
        yield "Clause", str(what["clause"])
    yield "As it stood", f"on {british(asked.on)}"
    steps = sum(case.step for case in asked.cases)
    yield "Made from", f"{number:,} {word if number == 1 else several} open to whoever made it, {steps:,} steps in all"


def _names(definition: ProcessDefinition, case: CaseFacts) -> dict[str, Any]:
    clocks = timing.clocks_seen(definition, case.limits, case.at)
    return {**case.variables, **case_names(case), "clocks": clocks}


def _sections(what: Mapping[str, Any], whole: Scope, scopes: Sequence[Scope]) -> Iterator[Section]:
    for section in what["sections"]:
        heading = words.filled(whole, str(section["heading"]))
        yield Section(heading, tuple(_blocks(section, heading, whole, scopes)))


def _blocks(section: Mapping[str, Any], heading: str, whole: Scope, scopes: Sequence[Scope]) -> Iterator[Block]:
    yield from paragraphs(section.get("text", ()), whole)
    if "counts" in section:
        rows = tuple((Cell(str(each["label"])), _figure(each, scopes)) for each in section["counts"])
        yield Table(heading, (Column("What is counted"), Column("Figure", numbers=True)), rows)
    if "cases" in section:
        yield _cases(section["cases"], heading, scopes)


def _figure(described: Mapping[str, Any], scopes: Sequence[Scope]) -> Cell:
    over = [scope for scope in scopes if words.holds(scope, described.get("only"))]
    if "count" in described:
        count = sum(words.holds(scope, str(described["count"])) for scope in over)
        return Cell(f"{count:,}", count)
    found = [words.value(scope, str(described["median"])) for scope in over]
    numbers = [value for value in found if isinstance(value, int | float) and not isinstance(value, bool)]
    if not numbers:
        return Cell("none")
    middle = median(numbers)
    return Cell(words.number(middle, str(described.get("unit", ""))), middle)


def _cases(what: Mapping[str, Any], heading: str, scopes: Sequence[Scope]) -> Table:
    columns = what["columns"]
    over = [scope for scope in scopes if words.holds(scope, what.get("only"))]
    heads = tuple(Column(str(c["label"]), numbers=bool(c.get("unit"))) for c in columns)
    return Table(heading, heads, tuple(tuple(_cell(column, scope) for column in columns) for scope in over))


def _cell(column: Mapping[str, Any], scope: Scope) -> Cell:
    text = str(column["value"])
    found = words.value(scope, text)
    if isinstance(found, int | float) and not isinstance(found, bool):
        return Cell(words.number(found, str(column.get("unit", ""))), found)
    return Cell("" if found is None else words.put_in_words(scope, text))
