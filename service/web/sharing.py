"""Who does a task: given out by those whose roles say so, or delegated by whoever has it, always with a reason."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.core.access import may_assign
from service.core.errors import BrokenRule, NotFound, Problem
from service.store import people, queries, tending
from service.store.rows import TaskRow
from service.web import context, reasoning, standing
from service.web.reasoning import Request
from service.web.security import access

blueprint = Blueprint("sharing", __name__, url_prefix="/tasks")

FIELDS = ("to", "reason")


@blueprint.route("/<task_id>/people", methods=["GET", "POST"])
@access("signed in")
def who(task_id: str) -> ResponseReturnValue:
    """Choose who does a task: assigning it, or delegating one that is one's own."""
    row, delegated = _task(task_id)
    if request.method == "GET":
        return _page(row, reasoning.blank(), delegated=delegated)
    person, sharing = context.actor(), context.service().sharing
    give = sharing.delegate if delegated else sharing.assign
    again = reasoning.take(FIELDS, lambda typed, key: give(person, task_id, _chosen(typed["to"]), typed["reason"], key))
    if again is not None:
        return _page(row, again, delegated=delegated), again.status
    verb = "delegated" if delegated else "given out"
    context.tell("Done", f"“{row.name}” has been {verb}. They are told by email.")
    return redirect(url_for("cases.show", code=row.code), 303)


def _chosen(to: str) -> str:
    if not to:
        raise BrokenRule("Choose who does it.", (Problem("to", "Choose who does it."),))
    return to


def _task(task_id: str) -> tuple[TaskRow, bool]:
    """The open task, and whether the person delegates it (they have it) rather than giving it out."""
    person = context.actor()
    with context.service().read() as db:
        row = queries.visible_task(db, person, task_id)
        if row is None or row.closed_at is not None:
            raise NotFound("There is no such open task.")
        definition = context.service().definitions.load(db, row.definition_hash)
        here = people.as_in(db, person, row.instance_id)
    if may_assign(definition, here, row.role, row.agency):
        return row, False
    if row.assignee == person.account_id:
        return row, True
    raise NotFound("Only who has this task, or leads its group, says who does it.")


def _page(row: TaskRow, asked: Request, *, delegated: bool) -> str:
    definition = context.service().definitions.get(row.definition_hash)
    with context.service().read() as db:
        found = tending.candidates(db, row.role, row.agency, row.instance_id, context.now())
    choices = [(account_id, name) for account_id, name in found if account_id != row.assignee]
    return render_template(
        "tasks/people.html", row=row, asked=asked, delegated=delegated, choices=choices,
        group=standing.group(definition, row),
    )  # fmt: skip
