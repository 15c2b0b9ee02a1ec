"""Documents for one person: read from the store, made by the core, written in the format that was asked for.

Making a document only reads, all of it in one picture of the database. What the person may not read never leaves the
store; that something was made is a line of the log, with who and what and never a word of it.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection

from service.core import events, values
from service.core.access import Actor, approving_role, may_read, may_take
from service.core.calendar import london_date
from service.core.definitions import ProcessDefinition
from service.core.documents import as_csv, as_html, building, returns
from service.core.documents.facts import CaseFacts, Facts, Record, Taken, case_facts
from service.core.documents.parts import Document
from service.core.engine.memory import names_seen
from service.core.errors import NotAllowed, NotFound
from service.core.forms_shape import components_of, properties_of, questions
from service.runtime import packing, typesetting
from service.runtime.definitions import Definitions
from service.store import instances, people, queries
from service.store.rows import CaseRow

log = logging.getLogger(__name__)

KINDS = {"html": "text/html", "csv": "text/csv", "pdf": "application/pdf", "zip": "application/zip"}


Read: TypeAlias = tuple[Facts | None, list[Document]]
"""What was read: the facts of the case, if it was one, and the document with those of its package."""


@dataclass(frozen=True, slots=True)
class Made:
    """A finished file: its name, media type and bytes."""

    name: str
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """Where documents come from for one person: a connection, the definitions, and who asks."""

    db: Connection
    definitions: Definitions
    person: Actor

    def facts(self, case: CaseRow) -> Facts:
        """A case as it stands, with the records marked that the person may read."""
        definition = self.definitions.load(self.db, case.definition_hash)
        here = people.as_in(self.db, self.person, case.id)
        short, taken, head = self._history(case, definition)
        judges = approving_role(definition, here) is not None
        return Facts(
            case=short, definition=definition, head=head, steps=taken,
            records=[
                Record(row.seq, row.at, row.form, row.agency, row.answers, readable=readable, reasons_open=judges)
                for row, readable in people.records_of_case(self.db, definition, self.person, case.id)
                if readable or here.whole
            ],
            closed=frozenset(_closed(definition, here)),
        )  # fmt: skip

    def _history(self, case: CaseRow, definition: ProcessDefinition) -> tuple[CaseFacts, list[Taken], str]:
        """A case in short, its steps, and the hash of the last of them."""
        steps = instances.steps_of(self.db, case.id)
        taken = [
            Taken(s.seq, s.at, tuple(map(events.from_json, s.events)), self.definitions.load(self.db, s.definition))
            for s in steps
        ]
        variables = names_seen({}, queries.state(self.db, case.id), None)
        return case_facts(case.code, definition, taken, variables, status=case.status), taken, steps[-1].hash

    def document(self, case: CaseRow, document_id: str) -> Document:
        """A document of one case. Raises what ``building.build`` raises, and ``NotAllowed`` for other roles."""
        return self._made(self.facts(case), document_id, people.as_in(self.db, self.person, case.id))

    def package(self, case: CaseRow, document_id: str, *, members: bool = True) -> tuple[Facts, list[Document]]:
        """The document itself and, with ``members``, those it names, for ``packed``. Raises as ``document`` does."""
        facts, here = self.facts(case), people.as_in(self.db, self.person, case.id)
        whole = self._made(facts, document_id, here)
        return facts, [whole, *(self._made(facts, key, here) for key in whole.members if members)]

    def _made(self, facts: Facts, document_id: str, here: Actor) -> Document:
        _let_take(building.described(facts, document_id), here)
        self._tell(document_id, case=facts.case.code, step=facts.case.step)
        return building.build(facts, document_id)

    def annual(self, definition: ProcessDefinition, document_id: str, year: int, now: datetime) -> Document:
        """A document over all cases for a year. Raises as ``returns.build``, and ``NotAllowed`` for other roles."""
        what = returns.described(definition, document_id)
        _let_take(what, everywhere(self.person))
        cases = tuple(self._cases(what))
        self._tell(document_id, year=year, cases=len(cases))
        return returns.build(returns.Asked(definition, year, london_date(now), cases), document_id)

    def _cases(self, what: Mapping[str, Any]) -> Iterator[CaseFacts]:
        for case in sorted(queries.cases(self.db, everywhere(self.person)), key=lambda c: (c.started_at, c.code)):
            if may_take(what, people.as_in(self.db, everywhere(self.person), case.id)):
                yield self._history(case, self.definitions.load(self.db, case.definition_hash))[0]

    def _tell(self, document_id: str, **about: str | int) -> None:
        said = {"action": "document_made", "document": document_id, "account": self.person.account_id, **about}
        log.info("A document was made", extra=said)


def _let_take(what: Mapping[str, Any], here: Actor) -> None:
    if not may_take(what, here):
        raise NotAllowed("This document is not one that your role may take.")


def packed(facts: Facts, documents: Sequence[Document]) -> Made:
    """Documents of one case as one file, with a manifest that names the case, its step and the hash of its history."""
    whole = documents[0]
    files = [file for number, each in enumerate(documents) for file in _files(number, each, facts)]
    about = {
        "case": facts.case.code, "document": whole.id, "title": whole.title, "draft": whole.draft,
        "step": facts.case.step, "head_hash": facts.head, "at": values.instant_text(facts.case.at),
        "definition": facts.definition.hash,
    }  # fmt: skip
    return Made(f"{whole.name}.zip", KINDS["zip"], packing.pack(files, about, facts.case.at))


def _files(number: int, document: Document, facts: Facts) -> Iterator[packing.File]:
    formats = facts.definition.documents[document.id]["formats"]
    for form in ("pdf", "html"):
        if form in formats or form == "html":
            made = written(document, form)
            yield packing.File(f"{number:02}-{document.id}.{form}", document.title, made.data)
    if "csv" in formats:
        for place, table in enumerate(document.tables(), 1):
            yield packing.File(f"{number:02}-{document.id}-{place}.csv", table.caption, as_csv.csv_of(table))


def everywhere(person: Actor) -> Actor:
    """The person with the roles they hold for all cases: a role in one case opens no return over all."""
    return replace(person, memberships=tuple(m for m in person.memberships if m.instance_id is None))


def offered(definition: ProcessDefinition, here: Actor, of: str) -> list[Mapping[str, Any]]:
    """The documents ``of`` a case, or of all cases, that the person may take, by title."""
    found = (d for d in definition.documents.values() if d["of"] == of and may_take(d, here))
    return sorted(found, key=lambda d: str(d["title"]))


def written(document: Document, form: str, table: int = 1) -> Made:
    """A document in a format; ``table`` counts from 1 which of its tables a CSV holds. Raises ``NotFound``."""
    match form:
        case "html":
            data = as_html.whole(document)
        case "pdf":
            data = typesetting.pdf_of(document)
        case "csv":
            tables = list(document.tables())
            if not 0 < table <= len(tables):
                raise NotFound("There is no such table in this document.")
            data = as_csv.csv_of(tables[table - 1])
            return Made(f"{document.name}{f'-{table}' if tables[1:] else ''}.csv", KINDS["csv"], data)
        case _:
            raise NotFound("There is no such format.")
    return Made(f"{document.name}.{form}", KINDS[form], data)


def _closed(definition: ProcessDefinition, here: Actor) -> Iterator[str]:
    """The variables that forms set, and none of those forms is one whose records the person may read."""
    may: dict[str, bool] = {}
    for form in definition.forms.values():
        readable = may_read(definition, here, str(form.get("access", "case")), None)
        for question in questions(components_of(form)):
            name = properties_of(question).get("variable")
            if name:
                may[str(name)] = may.get(str(name), False) or readable
    return (name for name, readable in may.items() if not readable)
