"""Departures from the guidance on the pages of a case: what was departed from, why, and what a second person says."""

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from service.core import departures
from service.core.access import Actor, approving_role
from service.core.definitions import ProcessDefinition
from service.core.errors import BrokenRule, NotFound, Problem
from service.runtime.answering import Done
from service.runtime.departing import refusal
from service.store import people, queries
from service.store.departures import departures_of
from service.store.rows import CaseRow, DepartureRow
from service.web import context, reasoning
from service.web.reasoning import Request
from service.web.security import access

blueprint = Blueprint("departures", __name__, url_prefix="/cases")

STATES = {"made": "Not approved yet", "approved": "Approved", "objected": "Objected to"}
WHAT = {"approve": "approved", "object": "objected to"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A departure as a page shows it.

    ``clause`` is the clause with its title, ``of`` the same in a few words, ``where`` the step it was made at, the
    roles as people know them. ``may_judge`` says that the reader agrees or objects to it now, ``why_not`` why they,
    whose role does so, do not.
    """

    row: DepartureRow
    state: str
    of: str
    clause: str
    where: str
    role: str
    judged_role: str
    may_judge: bool
    why_not: str


def shown(db: Connection, definition: ProcessDefinition, person: Actor, case: CaseRow) -> list[Shown]:
    """The departures of a case as ``person`` may see them, the first one first."""
    role = approving_role(definition, people.as_in(db, person, case.id))
    judges = role is not None and case.status not in {"ended", "suspended"}
    rows = departures_of(db, definition, person, case.id)
    return [_shown(definition, person, row, judges=judges and row.became != "approved") for row in rows]


def _shown(definition: ProcessDefinition, person: Actor, row: DepartureRow, *, judges: bool) -> Shown:
    process = definition.processes.get(row.process_id)
    element = process.elements.get(row.element_id) if process is not None else None
    titles = (definition.clauses.get(key, {"id": key}) for key in row.clause.split())
    why_not = refusal(person, row) if judges else None
    return Shown(
        row=row,
        state=STATES[row.became],
        of=departures.clauses(row.clause),
        clause="; ".join(f"{clause['id']} {clause.get('title', '')}".strip() for clause in titles),
        where=element.name if element is not None else "",
        role=definition.role_name(row.role),
        judged_role=definition.role_name(row.judged_role),
        may_judge=judges and why_not is None,
        why_not=why_not or "",
    )


@blueprint.route("/<code>/departures/<number>", methods=["GET", "POST"])
@access("signed in", shows="departure")
def judge(code: str, number: str) -> ResponseReturnValue:
    """Show one departure, and let those whose role does so agree or object to it."""
    case, found = _found(code, number)
    if request.method == "GET":
        return _page(case, found, reasoning.blank())
    again = reasoning.take(("what", "reason"), lambda typed, key: _do(code, found, typed, key))
    if again is not None:
        return _page(case, found, again), again.status
    done = WHAT[request.form["what"]]
    context.tell("Done", f"Departure {found.row.number} of {code} has been {done}. Your reason is in its history.")
    return redirect(url_for("cases.show", code=code, _anchor="departures"), 303)


def _do(code: str, found: Shown, typed: dict[str, str], key: str) -> Done:
    if typed["what"] not in WHAT:
        raise BrokenRule("Choose what you say.", (Problem("what", "Select whether you approve of it or object to it"),))
    approved = typed["what"] == "approve"
    return context.service().departures.judge(
        context.actor(), code, found.row.number, typed["reason"], key, approved=approved
    )


def _found(code: str, number: str) -> tuple[CaseRow, Shown]:
    person = context.actor()
    with context.service().read() as db:
        case = queries.case(db, person, code)
        if case is None:
            raise NotFound("There is no such case.")
        definition = context.service().definitions.load(db, case.definition_hash)
        found = [one for one in shown(db, definition, person, case) if str(one.row.number) == number]
    if not found:
        raise NotFound("There is no such departure.")
    return case, found[0]


def _page(case: CaseRow, found: Shown, asked: Request) -> str:
    return render_template("cases/departure.html", case=case, one=found, asked=asked)
