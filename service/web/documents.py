"""Documents of a case on pages: each can be read, printed and taken as a file.

Only people of a role the document names may take it; records they may not read are counted, never shown.
"""

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import Connection

from service.core.documents import as_html
from service.core.documents.parts import Document
from service.core.errors import NotFound
from service.runtime import documents
from service.runtime.documents import KINDS, Made, Source
from service.store import queries
from service.store.rows import CaseRow
from service.web import context
from service.web.security import access

blueprint = Blueprint("documents", __name__)

LONGEST_NUMBER = 4
"""Digits of a year, or of a table's number, that are read at all."""


@blueprint.get("/cases/<code>/documents/<document_id>")
@access("signed in", shows="document")
def show(code: str, document_id: str) -> ResponseReturnValue:
    """Show a document of a case."""
    with context.service().read() as db:
        case, reader = _case(db, code), source(db)
        made = reader.document(case, document_id)
        formats = _formats(reader, case, document_id)
    return page(made, formats, code=code)


@blueprint.get("/cases/<code>/documents/<document_id>/<form>")
@access("signed in", shows="export")
def file(code: str, document_id: str, form: str) -> ResponseReturnValue:
    """Give a document of a case as a file."""
    with context.service().read() as db:
        case, reader = _case(db, code), source(db)
        require_format(_formats(reader, case, document_id), form)
        facts, whole = reader.package(case, document_id, members=form == "zip")
    made = documents.packed(facts, whole) if form == "zip" else None
    return sent(made or documents.written(whole[0], form, number_in_address("table", 1)))


def source(db: Connection) -> Source:
    """Where the documents of the person who asks come from."""
    return Source(db, context.service().definitions, context.actor())


def _formats(reader: Source, case: CaseRow, document_id: str) -> list[str]:
    found = reader.definitions.load(reader.db, case.definition_hash).documents.get(document_id)
    if found is None:
        raise NotFound("There is no such document.")
    return [str(form) for form in found["formats"]]


def _case(db: Connection, code: str) -> CaseRow:
    case = queries.case(db, context.actor(), code)
    if case is None:
        raise NotFound("There is no such case.")
    return case


def page(made: Document, formats: list[str], *, code: str | None = None, year: int | None = None) -> str:
    """Return a document on a page of the site, with links to its files."""
    return render_template(
        "documents/document.html", made=made, formats=formats, code=code, year=year,
        captions=[table.caption for table in made.tables()],
        body=Markup(as_html.body(made)),  # it escapes every text itself; tests hold it to that # noqa: S704 # nosec B704
    )  # fmt: skip


def require_format(formats: list[str], form: str) -> None:
    """Raise ``NotFound`` unless the document can be had as ``form``."""
    if form not in formats or form not in KINDS:
        raise NotFound("There is no such format.")


def sent(made: Made) -> Response:
    """Return a file as an answer that browsers save."""
    answer = Response(made.data, mimetype=made.kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{made.name}"'
    return answer


def number_in_address(name: str, otherwise: int) -> int:
    """Return a number of the address' query. Raises ``NotFound`` for what is none."""
    text = request.args.get(name, "")
    if not text:
        return otherwise
    if len(text) > LONGEST_NUMBER or not (text.isascii() and text.isdecimal()):
        raise NotFound("That is no number.")
    return int(text)
