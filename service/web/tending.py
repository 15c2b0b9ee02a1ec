"""A case on hold, going on, or cancelled, and its values put right: each with a reason that stays in the history."""

from collections.abc import Mapping

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.core.access import may_hold
from service.core.corrections import variables
from service.core.errors import BrokenRule, NotAllowed, NotFound, Problem
from service.runtime.answering import Done
from service.store import people, queries
from service.store.rows import CaseRow
from service.web import cases, context, reasoning
from service.web.reasoning import Request
from service.web.security import access

blueprint = Blueprint("tending", __name__, url_prefix="/cases")

WORDS = {"suspend": "is on hold", "resume": "goes on", "cancel": "has been cancelled"}


@blueprint.route("/<code>/hold", methods=["GET", "POST"])
@access("signed in")
def hold(code: str) -> ResponseReturnValue:
    """Put a case on hold, let it go on, or cancel it."""
    case = _case(code)
    if request.method == "GET":
        return _hold_page(case, reasoning.blank())
    again = reasoning.take(("what", "reason"), lambda typed, key: _do(code, typed, key))
    if again is not None:
        return _hold_page(case, again), again.status
    context.tell("Done", f"{code} {WORDS[request.form['what']]}. Your reason is in its history.")
    return redirect(url_for("cases.show", code=code), 303)


def _do(code: str, typed: Mapping[str, str], key: str) -> Done:
    operations = context.service().operations
    verbs = {"suspend": operations.suspend, "resume": operations.resume, "cancel": operations.cancel}
    if typed["what"] not in verbs:
        raise BrokenRule("Choose what to do.", (Problem("what", "Choose what to do."),))
    return verbs[typed["what"]](context.actor(), code, typed["reason"], key)


@blueprint.route("/<code>/values", methods=["GET", "POST"])
@access("operates", shows="values")
def values(code: str) -> ResponseReturnValue:
    """Put one process variable right."""
    case = _tended(code)
    known = context.service().operations.values_of(context.actor(), code)
    if request.method == "GET":
        return _values_page(case, known, reasoning.blank())
    again = reasoning.take(("name", "value", "reason"), lambda typed, key: _correct(code, typed, key))
    if again is not None:
        return _values_page(case, known, again), again.status
    context.tell("Done", f"“{request.form['name']}” has been put right in {code}. What it was stays in the history.")
    return redirect(url_for("tending.values", code=code), 303)


def _correct(code: str, typed: Mapping[str, str], key: str) -> Done:
    name = typed["name"]
    if not name:
        raise BrokenRule("Choose a value.", (Problem("name", "Choose which value is wrong."),))
    try:
        return context.service().operations.correct(
            context.actor(), code, {name: typed["value"]}, typed["reason"], key
        )
    except BrokenRule as refusal:
        problems = (Problem("value" if p.field == name else p.field, p.message) for p in refusal.problems)
        raise BrokenRule(refusal.message, tuple(problems)) from refusal


def _tended(code: str) -> CaseRow:
    with context.service().read() as db:
        found = queries.tended_case(db, context.actor(), code)
    if found is None:
        raise NotFound("There is no such case.")
    return found


def _case(code: str) -> CaseRow:
    with context.service().read() as db:
        found = queries.case(db, context.actor(), code)
        if found is None:
            raise NotFound("There is no such case.")
        here = people.as_in(db, context.actor(), found.id)
    if not may_hold(context.require_definition(), here):
        raise NotAllowed("Your roles do not put cases on hold.")
    return found


def _hold_page(case: CaseRow, asked: Request) -> str:
    return render_template("cases/hold.html", case=case, asked=asked, states=cases.STATES)


def _values_page(case: CaseRow, known: Mapping[str, str], asked: Request) -> str:
    labels = variables(context.service().definitions.get(case.definition_hash))
    return render_template("cases/values.html", case=case, known=known, labels=labels, asked=asked)
