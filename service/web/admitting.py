"""Who may see a case: who reaches it and why, who is shut out of it, and the acts of those whose role says so."""

from collections.abc import Callable, Mapping
from datetime import date

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.core.access import grants_access
from service.core.definitions import ProcessDefinition
from service.core.errors import BrokenRule, NotAllowed, NotFound, Problem
from service.runtime.admitting import nameable
from service.store import admissions, people, queries
from service.store.rows import CaseRow
from service.web import context, reasoning
from service.web.reasoning import Request
from service.web.security import access

blueprint = Blueprint("admitting", __name__, url_prefix="/cases")

LONGEST_NUMBER = 9
ACTS = {
    "name": ("Name somebody", "They will see this in the role you choose, and what that role reads.", "Name"),
    "out": ("Shut somebody out", "It counts at once and against everything that would let them in.", "Shut out"),
    "end": ("End this naming", "They will see this only if another role of theirs reaches it.", "End"),
    "in": ("Let in again", "They will see this as far as their roles reach it.", "Let in"),
}


@blueprint.get("/<code>/access")
@access("signed in", shows="access")
def index(code: str) -> ResponseReturnValue:
    """List who reaches a case and why, and who is shut out of it."""
    case, definition = _case(code), context.require_definition()
    with context.service().read() as db:
        reachers = admissions.reachers(db, case.id, context.now())
        outsiders = admissions.outsiders(db, case.id)
    return render_template(
        "cases/access.html", case=case, reachers=reachers, outsiders=outsiders, role_name=definition.role_name,
        listed_as=definition.listed_as,
    )  # fmt: skip


@blueprint.route("/<code>/access/name", methods=["GET", "POST"])
@access("signed in")
def name(code: str) -> ResponseReturnValue:
    """Name somebody for a case."""

    def act(typed: Mapping[str, str], key: str) -> object:
        until = _day(typed["until"])
        return context.service().admissions.name(
            context.actor(), code, typed["who"], typed["role"], typed["agency"] or None, until, typed["reason"], key
        )

    return _asked(code, "name", ("who", "role", "agency", "until", "reason"), act)


@blueprint.route("/<code>/access/out", methods=["GET", "POST"])
@access("signed in")
def shut_out(code: str) -> ResponseReturnValue:
    """Shut a person or an organisation out of a case."""

    def act(typed: Mapping[str, str], key: str) -> object:
        return context.service().admissions.shut_out(
            context.actor(), code, typed["who"] or None, typed["agency"] or None, typed["reason"], key
        )

    return _asked(code, "out", ("who", "agency", "reason"), act)


@blueprint.route("/<code>/access/<number>/end", methods=["GET", "POST"])
@access("signed in")
def end(code: str, number: str) -> ResponseReturnValue:
    """Let somebody be named no longer."""
    step = _number(number)
    return _asked(
        code, "end", ("reason",),
        lambda typed, key: context.service().admissions.end(context.actor(), code, step, typed["reason"], key),
    )  # fmt: skip


@blueprint.route("/<code>/access/<number>/in", methods=["GET", "POST"])
@access("signed in")
def let_in(code: str, number: str) -> ResponseReturnValue:
    """Let somebody in again."""
    step = _number(number)
    return _asked(
        code, "in", ("reason",),
        lambda typed, key: context.service().admissions.let_in(context.actor(), code, step, typed["reason"], key),
    )  # fmt: skip


def _asked(
    code: str, what: str, names: tuple[str, ...], act: Callable[[Mapping[str, str], str], object]
) -> ResponseReturnValue:
    case = _case(code)
    if request.method == "GET":
        return _page(case, what, names, reasoning.blank())
    again = reasoning.take(names, act)
    if again is not None:
        return _page(case, what, names, again), again.status
    context.tell("Done", "Your reason is in the history.")
    return redirect(url_for("admitting.index", code=code), 303)


def _page(case: CaseRow, what: str, names: tuple[str, ...], asked: Request) -> str:
    definition = context.require_definition()
    with context.service().read() as db:
        everybody = admissions.members(db, case.id) if "who" in names else []
    title, hint, verb = ACTS[what]
    return render_template(
        "cases/admitting.html", case=case, asked=asked, title=title, hint=hint, verb=verb, names=names,
        people=everybody, roles=_roles(definition),
        agencies=[(row["id"], row["name"]) for row in definition.directories["agencies"]],
    )  # fmt: skip


def _roles(definition: ProcessDefinition) -> list[tuple[str, str]]:
    return [(role, definition.role_name(role)) for role in nameable(definition)]


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        wrong = "Write the last day like 2026-03-31, or leave it empty"
        raise BrokenRule(wrong, (Problem("until", wrong),)) from None


def _number(text: str) -> int:
    if len(text) > LONGEST_NUMBER or not (text.isascii() and text.isdecimal()):
        raise NotFound("There is no such step.")
    return int(text)


def _case(code: str) -> CaseRow:
    with context.service().read() as db:
        found = queries.case(db, context.actor(), code)
        if found is None:
            raise NotFound("There is no such case.")
        here = people.as_in(db, context.actor(), found.id)
    if not grants_access(context.require_definition(), here):
        raise NotAllowed("Your roles do not say who may see this.")
    return found
