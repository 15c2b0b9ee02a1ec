"""Registers of a case: a table of what grows across its records, to be searched, printed, or carried away as CSV.

Promises: only what the reader may read is in it; a cell that a spreadsheet would take for a formula is made plain text.
"""

import csv
import io
import re
from dataclasses import dataclass

from flask import Blueprint, Response, render_template, request, url_for

from service.core.definitions import ProcessDefinition
from service.core.errors import NotFound
from service.core.forms_door import is_hidden
from service.core.registers import Register, Row, containing, declared
from service.store import queries
from service.store.registers import rows_of
from service.store.rows import CaseRow
from service.web import context
from service.web.security import access

blueprint = Blueprint("registers", __name__, url_prefix="/cases")

FORMULA = ("=", "+", "-", "@", "|", "%", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a cell that spreadsheets work out begins with; the last four are the wide forms of the first four."""
NUMBER = re.compile(r"-?[0-9]{1,15}")
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Found:
    """A register of a case, and the rows of it that were searched for."""

    case: CaseRow
    form: str
    register: Register
    rows: list[Row]
    search: str


@blueprint.get("/<code>/registers/<form>")
@access("signed in", shows="register")
def show(code: str, form: str) -> str:
    """Show a register, or the rows of it that hold every word of ``?q=``."""
    found = _found(code, form)
    carry = url_for("registers.download", code=code, form=form, q=found.search or None)
    return render_template("cases/register.html", found=found, carry=carry)


@blueprint.get("/<code>/registers/<form>.csv")
@access("signed in", shows="export")
def download(code: str, form: str) -> Response:
    """Give the same rows as a CSV file."""
    found = _found(code, form)
    text = io.StringIO()
    lines = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    lines.writerow([plain(column.label) for column in found.register.columns])
    lines.writerows([plain(cell) for cell in row.cells] for row in found.rows)
    answer = Response("\ufeff" + text.getvalue(), mimetype="text/csv")  # the mark tells spreadsheets that it is UTF-8
    answer.headers["Content-Disposition"] = f'attachment; filename="{code}-{form}.csv"'
    return answer


def plain(cell: str) -> str:
    """Return a cell that no spreadsheet works out: an apostrophe goes before what begins like a formula."""
    begins = cell.lstrip().startswith(FORMULA) or cell.startswith(FORMULA)
    return f"'{cell}" if begins and not NUMBER.fullmatch(cell) else cell


def _found(code: str, form: str) -> Found:
    person = context.actor()
    with context.service().read() as db:
        case = queries.case(db, person, code)
        if case is None:
            raise NotFound("There is no such case.")
        definitions = context.service().definitions
        if declared(_form(definitions.load(db, case.definition_hash), form)) is None:
            raise NotFound("There is no such register.")
        register = rows_of(db, lambda version: definitions.load(db, version), person, case.id, form)
    search = "".join(c for c in request.args.get("q", "")[:LONGEST_SEARCH] if not is_hidden(c)).strip()
    return Found(case, form, register, containing(register.rows, search), search)


def _form(definition: ProcessDefinition, form: str) -> dict[str, object]:
    return definition.forms.get(form, {})
