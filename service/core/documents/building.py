"""A document of one case, made from what the definition says of it and from the case's facts.

Promises: pure, and the same for the same step; what the reader may not read is counted and never shown; a document
that must be complete is refused rather than made with something missing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from service.core.calendar import days_between
from service.core.clocks import declared
from service.core.documents import tables, timing, words
from service.core.documents.facts import CaseFacts, Facts
from service.core.documents.parts import Block, Cell, Column, Document, Paragraph, Section, Table, not_shown
from service.core.documents.words import Scope
from service.core.errors import DocumentNotReady, NotAllowed, NotFound
from service.core.events import DecisionEvaluated
from service.core.forms_show import british


@dataclass(frozen=True, slots=True)
class Making:
    """What every part of a document is made with. ``heading`` is that of the section, the caption of its tables."""

    facts: Facts
    scope: Scope
    heading: str


def described(facts: Facts, document_id: str) -> Mapping[str, Any]:
    """What the definition says of a document of one case. Raises ``NotFound``."""
    found = facts.definition.documents.get(document_id)
    if found is None or found["of"] != "case":
        raise NotFound("There is no such document.")
    return found


def build(facts: Facts, document_id: str) -> Document:
    """The document as it stands after the last step of ``facts``.

    Raises ``NotFound``; ``DocumentNotReady`` while its condition does not hold; ``NotAllowed`` where it must be
    complete and a record of it is not open to the reader; ``DocumentBroken`` where an expression has no value.
    """
    what, scope = described(facts, document_id), scope_of(facts)
    if not words.holds(scope, what.get("when")):
        raise DocumentNotReady(str(what.get("when_not") or "This document cannot be made yet."))
    made = Document(
        id=document_id, title=str(what["title"]), about=str(what.get("about", "")),
        name=f"{facts.case.code}-{document_id}", at=facts.case.at,
        draft=is_draft(what, scope, ended=facts.case.ended),
        head=tuple(_head(what, facts)), sections=tuple(_sections(what, facts, scope)),
        organisation=str(facts.definition.deployment.get("organisation", "")), members=tuple(members(what)),
    )  # fmt: skip
    if what.get("complete") and made.hidden:
        raise NotAllowed(f"This document is only made complete: {not_shown(made.hidden)}")
    return made


def is_draft(what: Mapping[str, Any], scope: Scope, *, ended: bool) -> bool:
    """Whether the document is a draft: while its own condition holds, else until the case has ended."""
    return words.holds(scope, str(what["draft_while"])) if "draft_while" in what else not ended


def members(what: Mapping[str, Any]) -> Iterator[str]:
    """The documents a package consists of, besides itself."""
    for section in what["sections"]:
        yield from (str(member) for member in section.get("documents", ()))


def scope_of(facts: Facts) -> Scope:
    """What the expressions of a document of one case see."""
    case, definition = facts.case, facts.definition
    passed: dict[str, Any] = {key: None for p in definition.processes.values() for key in p.elements}
    passed |= {event.element_id: at for at, event in facts.passed()}
    names = {
        **case.variables, **case_names(case), "steps": passed,
        "clocks": timing.clocks_seen(definition, case.limits, case.at),
        "local": definition.local, "departures": len(facts.departures),
    }  # fmt: skip
    return words.scope_of(definition, names, case.at)


def case_names(case: CaseFacts) -> dict[str, Any]:
    """What expressions see as ``case``."""
    known: dict[str, Any] = {
        "code": case.code, "open": not case.ended, "ended": case.ended, "outcome": case.outcome,
        "outcome_name": case.outcome_name, "started_at": case.started_at, "ended_at": case.ended_at,
        "overdue": any(limit.overdue(case.at) for limit in case.limits), "on_hold": case.status == "suspended",
        "step": case.step, "at": case.at,
    }  # fmt: skip
    return {"case": known}


def _head(what: Mapping[str, Any], facts: Facts) -> Iterator[tuple[str, str]]:
    case, deployment = facts.case, facts.definition.deployment
    word = str(deployment.get("case_word", "case"))
    yield word[:1].upper() + word[1:], case.code
    if case.variables.get("rule_set"):
        yield "Rules", words.worded(case.variables["rule_set"])
    if what.get("clause"):
        yield "Clause", str(what["clause"])
    yield "As it stood", f"after step {case.step}, {british(case.at)}"
    if facts.head:
        yield "Hash of that step", facts.head


def _sections(what: Mapping[str, Any], facts: Facts, scope: Scope) -> Iterator[Section]:
    for section in what["sections"]:
        if words.holds(scope, section.get("when")):
            heading = words.filled(scope, str(section["heading"]))
            yield Section(heading, tuple(_blocks(section, Making(facts, scope, heading))))


def _blocks(section: Mapping[str, Any], making: Making) -> Iterator[Block]:
    yield from paragraphs(section.get("text", ()), making.scope)
    for kind, make in KINDS.items():
        if kind in section and section[kind] is not False:
            yield from _or_nothing(make(section[kind], making), section, making.scope)


def _or_nothing(made: Table, section: Mapping[str, Any], scope: Scope) -> Iterator[Block]:
    if made.rows or made.hidden or "none" not in section:
        yield made
    else:
        yield Paragraph(words.filled(scope, str(section["none"])))


def paragraphs(text: Any, scope: Scope) -> Iterator[Paragraph]:
    """The paragraphs of a section: a text, or a list of texts of which some hold only under a condition."""
    for each in [text] if isinstance(text, str) else text:
        given: Mapping[str, Any] = {"text": each} if isinstance(each, str) else each
        if words.holds(scope, given.get("when")):
            yield Paragraph(words.filled(scope, str(given["text"])))


def _table(what: Any, making: Making) -> Table:
    return tables.table(what, making.scope, making.facts, making.heading)


def _answers(what: Any, making: Making) -> Table:
    return tables.answers(what, making.scope, making.facts, making.heading)


def _clocks(what: Any, making: Making) -> Table:
    case = making.facts.case
    wanted = [x for x in case.limits if what == "all" or x.key in what or declared(x.key) in what]
    return timing.table(wanted, case.at, making.heading)


def _departures(_what: Any, making: Making) -> Table:
    labels = ("Number", "Date", "Clause", "What is asked", "Reasons", "What was done instead", "Until")
    found = making.facts.departures
    rows = tuple(
        tuple(map(Cell, (
            str(d.number), british(d.at.date()), d.clause, d.asks, d.reasons, d.instead, _day(d.until),
        )))
        for d in found if d.readable
    )  # fmt: skip
    hidden = sum(not d.readable for d in found)
    return Table(making.heading, tuple(Column(x) for x in labels), rows, hidden=hidden)


def _day(value: Any) -> str:
    return british(value) if value else ""


def _holds(what: Any, making: Making) -> Table:
    found = making.facts.case.variables.get(str(what))
    rows = [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
    end = making.facts.case.at
    heads = (Column("From"), Column("To"), Column("Days", numbers=True))
    cells = ((Cell(_day(r.get("from"))), Cell(_day(r.get("to")) or "still on hold"), _length(r, end)) for r in rows)
    return Table(making.heading, heads, tuple(cells))


def _length(row: Mapping[str, Any], end: date) -> Cell:
    begins, ends = row.get("from"), row.get("to") or end
    if not isinstance(begins, date) or not isinstance(ends, date):
        return Cell("")
    days = days_between(begins, ends)
    return Cell(f"{days:,}", days)


def _decisions(what: Any, making: Making) -> Table:
    heads = tuple(Column(x) for x in ("Date", "Table", "What it looked at", "What it gave"))
    found = [(at, e) for at, e in making.facts.decisions() if what == "all" or e.decision in what]
    told = ((british(at), _name(making, e), _pairs(e.inputs), _pairs(e.outputs)) for at, e in found)
    return Table(making.heading, heads, tuple(tuple(map(Cell, row)) for row in told))


def _name(making: Making, event: DecisionEvaluated) -> str:
    process = making.facts.definition.processes.get(event.process_id)
    element = process.elements.get(event.element_id) if process else None
    return element.name if element and element.name else event.decision


def _pairs(values: Mapping[str, Any]) -> str:
    return "; ".join(f"{name.replace('_', ' ')}: {words.worded(value)}" for name, value in values.items())


def _steps(what: Any, making: Making) -> Table:
    passed = making.facts.passed()
    elements = {key: e.name for p in making.facts.definition.processes.values() for key, e in p.elements.items()}
    rows = []
    for each in what:
        key, label = (each, None) if isinstance(each, str) else (each["step"], each.get("label"))
        days = [british(at) for at, event in passed if event.element_id == key]
        rows.append((Cell(str(label or elements.get(key) or key)), Cell("; ".join(days) or "not yet")))
    return Table(making.heading, (Column("Step"), Column("Date")), tuple(rows))


def _members(what: Any, making: Making) -> Table:
    known = making.facts.definition.documents
    rows = tuple((Cell(str(n)), Cell(str(known[key]["title"]))) for n, key in enumerate(what, 1))
    return Table(making.heading, (Column("Number"), Column("Document")), rows)


KINDS: Mapping[str, Callable[[Any, Making], Table]] = {
    "table": _table, "answers": _answers, "clocks": _clocks, "departures": _departures, "holds": _holds,
    "decisions": _decisions, "steps": _steps, "documents": _members,
}  # fmt: skip
"""What may stand in a section of a document of one case besides its text, in the order it is shown."""
