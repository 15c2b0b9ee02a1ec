"""Incidents: what could not be finished, tried again one by one or all together; for operators only.

A page says what the engine met and where, never what anybody wrote.
"""

from collections import Counter

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from service.core.errors import NotFound
from service.core.reasons import answers
from service.runtime.operating import Tried
from service.store import tending
from service.store.rows import IncidentRow
from service.web import context, reasoning
from service.web.filters import counted
from service.web.reasoning import Request
from service.web.security import access

blueprint = Blueprint("incidents", __name__, url_prefix="/incidents")

RECENT = 20


@blueprint.get("")
@access("operates")
def index() -> ResponseReturnValue:
    """List what is open, and what was over lately."""
    return _index(reasoning.blank())


@blueprint.post("/retry")
@access("operates")
def retry_all() -> ResponseReturnValue:
    """Try every open incident again and say how many went through."""
    tried: list[Tried] = []

    def act(typed: dict[str, str], _key: str) -> None:
        answers(typed["reason"])  # refused before anything is tried
        tried.extend(context.service().operations.retry_all(context.actor(), typed["reason"]))

    again = reasoning.take(("reason",), act)
    if again is not None:
        return _index(again), again.status
    kinds = Counter(one.kind for one in tried)
    text = f"{counted(kinds['resolved'], 'incident')} resolved, {kinds['failed']} still failing."
    context.tell("Tried again", text, kind="important" if kinds["failed"] else "success")
    return redirect(url_for("incidents.index"), 303)


@blueprint.get("/<reference>")
@access("operates")
def show(reference: str) -> ResponseReturnValue:
    """Show one incident and what can be done about it."""
    return _page(_incident(reference), reasoning.blank())


@blueprint.post("/<reference>/retry")
@access("operates")
def retry(reference: str) -> ResponseReturnValue:
    """Try one incident again; the page then tells the truth about what came of it."""
    found = _incident(reference)
    tried: list[Tried] = []

    def act(typed: dict[str, str], key: str) -> None:
        answers(typed["reason"])
        tried.append(context.service().operations.retry(context.actor(), reference, typed["reason"], key))

    again = reasoning.take(("reason",), act)
    if again is not None:
        return _page(found, again), again.status
    failed = tried[0].kind == "failed"
    context.tell("Still failing" if failed else "Resolved", tried[0].text, kind="important" if failed else "success")
    return redirect(url_for("incidents.show", reference=reference), 303)


def _incident(reference: str) -> IncidentRow:
    with context.service().read() as db:
        found = tending.incident_by_id(db, context.actor(), reference)
    if found is None:
        raise NotFound("There is no such incident.")
    return found


def _index(asked: Request) -> str:
    with context.service().read() as db:
        rows = tending.incidents(db, context.actor())
        over = tending.incidents(db, context.actor(), closed=True, limit=RECENT)
    return render_template("incidents/index.html", rows=rows, over=over, asked=asked, places=_places([*rows, *over]))


def _page(found: IncidentRow, asked: Request) -> str:
    return render_template("incidents/incident.html", incident=found, asked=asked, places=_places([found]))


def _places(rows: list[IncidentRow]) -> dict[str, str]:
    """Where each incident stopped: the name of the step, or its id, and of the diagram it is in."""
    found = {}
    for row in rows:
        if row.element_id is None or row.definition_hash is None:
            continue
        definition = context.service().definitions.get(row.definition_hash)
        inside = next((p for p in definition.processes.values() if row.element_id in p.elements), None)
        name = inside.elements[row.element_id].name if inside is not None else ""
        found[row.id] = f"{name or row.element_id}{f', in “{inside.name}”' if inside is not None else ''}"
    return found
