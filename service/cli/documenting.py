"""The verb that makes a document: document."""

from pathlib import Path

import click

from service.cli.console import cli, out, person, with_service
from service.core.access import Actor
from service.core.documents.as_text import text_of
from service.core.errors import Rejection
from service.runtime import documents
from service.runtime.documents import KINDS, Made, Source
from service.runtime.service import Service
from service.store import queries


@cli.command()
@click.argument("document_id", metavar="ID")
@click.argument("code")
@click.argument("path", metavar="[FILE]", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--by", "email", required=True, help="Who takes it: their e-mail address.")
@click.option("--table", default=1, help="Which table of the document a .csv holds, counted from 1.")
@with_service
def document(service: Service, document_id: str, code: str, path: Path | None, email: str, table: int) -> None:
    """Write the document ID of the case CODE to FILE: .html, .pdf, .csv or .zip. Without a FILE, print it as text.

    For a document over all cases CODE is a year, like 2014.
    """
    actor = person(service, email)
    if path is None:
        _, found = _read(service, actor, document_id, code, members=False)
        out.print(text_of(found[0]), markup=False)
        return
    made = _made(service, actor, document_id, code, path.suffix.removeprefix("."), table)
    path.write_bytes(made.data)
    out.print(f"Wrote {len(made.data):,} bytes to {path}.", markup=False)


def _made(service: Service, actor: Actor, document_id: str, code: str, form: str, table: int) -> Made:
    facts, found = _read(service, actor, document_id, code, members=form == "zip")
    with service.read() as db:
        definition = facts.definition if facts else service.definitions.current(db)
    formats = definition.documents[document_id]["formats"]
    if form not in formats or form not in KINDS:
        raise Rejection(f"This document can be had as: {', '.join(formats)}. Name a FILE that ends so.")
    return documents.packed(facts, found) if facts and form == "zip" else documents.written(found[0], form, table)


def _read(service: Service, actor: Actor, document_id: str, code: str, *, members: bool) -> documents.Read:
    with service.read() as db:
        source = Source(db, service.definitions, actor)
        current = service.definitions.current(db)
        if current.documents.get(document_id, {}).get("of") == "all cases":
            return None, [source.annual(current, document_id, _year(code), service.now())]
        case = queries.case(db, actor, code)
        if case is None:
            raise Rejection(f"There is no case {code} that {actor.email} may see.")
        return source.package(case, document_id, members=members)


def _year(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) <= 4 and int(text)):
        raise Rejection(f"This document is over all cases of a year: give one like 2014 instead of “{text}”.")
    return int(text)
