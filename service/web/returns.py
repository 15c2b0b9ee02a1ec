"""Returns: documents over all cases, for one year, on pages and as files.

They are over the cases open to the person, and for roles held for all cases alone.
"""

from datetime import date

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from service.core.calendar import london_date
from service.core.documents import returns
from service.core.documents.parts import Document
from service.core.errors import NotAllowed, NotFound
from service.runtime import documents
from service.store import queries
from service.web import context
from service.web.documents import number_in_address, page, require_format, sent, source
from service.web.security import access

blueprint = Blueprint("returns", __name__, url_prefix="/returns")

MOST_YEARS = 60


@blueprint.get("")
@access("signed in")
def choose() -> ResponseReturnValue:
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


@blueprint.get("/<document_id>")
@access("signed in", shows="return")
def show(document_id: str) -> ResponseReturnValue:
    """Show a return for the year in the address."""
    definition, year = context.require_definition(), _year()
    made = _return(document_id, year)
    return page(made, returns.described(definition, document_id)["formats"], year=year)


@blueprint.get("/<document_id>/<form>")
@access("signed in", shows="export")
def file(document_id: str, form: str) -> ResponseReturnValue:
    """Give a return as a file."""
    made = _return(document_id, _year())
    require_format(returns.described(context.require_definition(), document_id)["formats"], form)
    return sent(documents.written(made, form, number_in_address("table", 1)))


def _return(document_id: str, year: int) -> Document:
    with context.service().read() as db:
        return source(db).annual(context.require_definition(), document_id, year, context.now())


def _year() -> int:
    year = number_in_address("year", london_date(context.now()).year)
    if not date.min.year <= year <= date.max.year:
        raise NotFound("There is no such year.")
    return year
