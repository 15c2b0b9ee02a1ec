"""Documents on pages: each can be read, printed and taken as a file; returns are over all cases, for one year.

Only people of a role the document names may take it; records they may not read are counted, never shown.
"""

from datetime import date

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import Connection

from service.core.calendar import london_date
from service.core.documents import as_html, building, returns
from service.core.documents.parts import Document
from service.core.errors import NotAllowed, NotFound
from service.runtime import documents
from service.runtime.documents import KINDS, Made, Source
from service.store import queries
from service.store.rows import CaseRow
from service.web import context
from service.web.security import access

blueprint = Blueprint("documents", __name__)

MOST_YEARS = 60
LONGEST_NUMBER = 4
"""Digits of a year, or of a table's number, that are read at all."""


@blueprint.get("/cases/<code>/documents/<document_id>")
@access("signed in")
def show(code: str, document_id: str) -> ResponseReturnValue:
    """Show a document of a case."""
    with context.service().read() as db:
        source, case = _source(db), _case(db, code)
        made = source.document(case, document_id)
        formats = source.definitions.load(db, case.definition_hash).documents[document_id]["formats"]
    return _page(made, formats, code=code)


@blueprint.get("/cases/<code>/documents/<document_id>/<form>")
@access("signed in")
def file(code: str, document_id: str, form: str) -> ResponseReturnValue:
    """Give a document of a case as a file."""
    with context.service().read() as db:
        source, case = _source(db), _case(db, code)
        facts, whole = source.package(case, document_id)
    _require(building.described(facts, document_id)["formats"], form)
    if form == "zip":
        return _sent(documents.packed(facts, whole))
    return _sent(documents.written(whole[0], form, _number("table", 1)))


@blueprint.get("/returns")
@access("signed in")
def choose_return() -> ResponseReturnValue:
    """Choose a return and its year."""
    person = documents.everywhere(context.actor())
    found = documents.offered(context.require_definition(), person, "all cases")
    if not found:
        raise NotAllowed("There are no returns for your roles.")
    with context.service().read() as db:
        began = [london_date(case.started_at).year for case in queries.cases(db, context.actor())]
    this = london_date(context.now()).year
    first = max(min([this, *began]), this - MOST_YEARS)
    years = [{"value": year, "text": year, "selected": year == this} for year in range(this, first - 1, -1)]
    return render_template("documents/returns.html", documents=found, years=years)


@blueprint.get("/returns/<document_id>")
@access("signed in")
def show_return(document_id: str) -> ResponseReturnValue:
    """Show a return for the year in the address."""
    definition, year = context.require_definition(), _year()
    made = _return(document_id, year)
    return _page(made, returns.described(definition, document_id)["formats"], year=year)


@blueprint.get("/returns/<document_id>/<form>")
@access("signed in")
def return_file(document_id: str, form: str) -> ResponseReturnValue:
    """Give a return as a file."""
    made = _return(document_id, _year())
    _require(returns.described(context.require_definition(), document_id)["formats"], form)
    return _sent(documents.written(made, form, _number("table", 1)))


def _source(db: Connection) -> Source:
    return Source(db, context.service().definitions, context.actor())


def _case(db: Connection, code: str) -> CaseRow:
    case = queries.case(db, context.actor(), code)
    if case is None:
        raise NotFound("There is no such case.")
    return case


def _return(document_id: str, year: int) -> Document:
    with context.service().read() as db:
        return _source(db).annual(context.require_definition(), document_id, year, context.now())


def _page(made: Document, formats: list[str], *, code: str | None = None, year: int | None = None) -> str:
    return render_template(
        "documents/document.html", made=made, formats=formats, code=code, year=year,
        captions=[table.caption for table in made.tables()],
        body=Markup(as_html.body(made)),  # noqa: S704 - it escapes every text itself, and its tests hold it to that
    )  # fmt: skip


def _require(formats: list[str], form: str) -> None:
    if form not in formats or form not in KINDS:
        raise NotFound("There is no such format.")


def _sent(made: Made) -> Response:
    answer = Response(made.data, mimetype=made.kind)
    answer.headers["Content-Disposition"] = f'attachment; filename="{made.name}"'
    return answer


def _year() -> int:
    year = _number("year", london_date(context.now()).year)
    if not date.min.year <= year <= date.max.year:
        raise NotFound("There is no such year.")
    return year


def _number(name: str, otherwise: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return otherwise
    if len(text) > LONGEST_NUMBER or not (text.isascii() and text.isdecimal()):
        raise NotFound("That is no number.")
    return int(text)
