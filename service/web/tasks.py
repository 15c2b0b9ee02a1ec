"""User tasks: the lists of a person's tasks, and one task with everything needed to do it.

A task that was closed meanwhile gives a page that says by whom and when (409); what cannot be known gives 404.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.core import reasons
from service.core.access import may_assign, may_do
from service.core.commands import SaveDraft
from service.core.definitions import Element, ProcessDefinition
from service.core.errors import BrokenRule, NotFound, Problem, Rejection, TaskClosed, TaskHeld
from service.core.placeholders import fill
from service.runtime.answering import Done
from service.store import people, queries, tending
from service.store.rows import TaskRow
from service.web import asking, case_words, context, standing
from service.web.asking import Asked
from service.web.request_door import LONG
from service.web.security import access

blueprint = Blueprint("tasks", __name__, url_prefix="/tasks")

LISTS = {"mine": "My tasks", "groups": "My groups", "done": "Done"}
EMPTY = {
    "mine": "You have taken no task. Look in “My groups” for tasks that wait for somebody in your role.",
    "groups": "No task waits for your groups. You will get an email when one does.",
    "done": "You have not done a task yet.",
}
NOTHING = "You have no task, and none waits for your groups. You will get an email when one does."
KEPT = "Your answers are kept for you: they will be here when you open this task again."
MOST = 200


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of a task list: the task, its title, and what it is about and whom it waits for in words."""

    row: TaskRow
    title: str
    about: str
    group: str


@blueprint.get("")
@access("signed in")
def index() -> ResponseReturnValue:
    """List the person's tasks: taken, waiting for a group, or done (``?list=``)."""
    person = context.actor()
    with context.service().read() as db:
        lists = {which: queries.tasks(db, person, which=which, limit=MOST) for which in LISTS}
    shown = request.args.get("list") or ("mine" if lists["mine"] or not lists["groups"] else "groups")
    if shown not in LISTS:
        abort(404)
    return render_template(
        "tasks/index.html",
        shown=shown,
        names=LISTS,
        counts={which: _count(rows) for which, rows in lists.items()},
        rows=[_listed(row) for row in lists[shown]],
        empty=NOTHING if shown == "mine" and not lists["groups"] else EMPTY[shown],
    )


@blueprint.get("/<task_id>")
@access("signed in", shows="task")
def show(task_id: str) -> ResponseReturnValue:
    """Show one task with its form, or by whom and when it was closed."""
    row = _row(task_id)
    if row.closed_at is not None:
        return _closed(row)
    with context.service().read() as db:
        draft = tending.draft_of(db, context.actor().account_id, task_id)
    asked = asking.blank(_definition(row), row.form, _names(row))
    return _page(row, asking.with_draft(asked, draft[0]) if draft else asked, draft_at=draft[1] if draft else None)


@blueprint.post("/<task_id>")
@access("signed in", takes=LONG)
def complete(task_id: str) -> ResponseReturnValue:
    """Take the answers and complete the task; 303 to the next one, or the same page with 422."""
    row = _row(task_id)
    definition, person, handler = _definition(row), context.actor(), context.service().handler
    names = _names(row)
    if request.form.get("_action") == "draft":
        return _save_draft(row)
    try:
        taken = asking.take(
            definition,
            row.form,
            names,
            lambda raw, key, confirmed, departures: handler.complete(
                person, task_id, raw, key, confirmed=confirmed, departures=departures
            ),
        )
    except TaskClosed:
        return _closed(_row(task_id), asking.typed_in_words(definition, row.form, names)), 409
    except TaskHeld:
        return _held(_row(task_id), asking.typed_in_words(definition, row.form, names)), 409
    if isinstance(taken, Asked) and taken.stopped:
        taken = _kept(row, taken)
    if isinstance(taken, Asked):
        return _page(row, taken), taken.status
    follows = case_words.said(_element(row), definition.telling(_names(row))).properties.get("next", "")
    context.tell("Done", done_sentence(_title(definition, row, names), taken, follows))
    return redirect(next_page(taken, row.code), 303)


def _kept(row: TaskRow, asked: Asked) -> Asked:
    """Keep answers that could not be taken now as the person's draft, and say so: they need not be typed again."""
    try:
        context.service().sharing.save_draft(context.actor(), SaveDraft(row.id, asked.typed))
    except Rejection:  # they cannot be kept; they are still on the page
        return asked
    return replace(asked, problems=(*asked.problems, Problem("", KEPT)))


def _save_draft(row: TaskRow) -> ResponseReturnValue:
    """Keep what was typed, as it was typed, and lead to the person's tasks."""
    definition, names = _definition(row), _names(row)
    typed = asking.typed(definition, row.form, names)
    try:
        context.service().sharing.save_draft(context.actor(), SaveDraft(row.id, typed))
    except TaskClosed:
        return _closed(_row(row.id), asking.typed_in_words(definition, row.form, names)), 409
    except BrokenRule as refusal:
        asked = asking.with_draft(asking.blank(definition, row.form, names), typed)
        problems = refusal.problems or (Problem("", refusal.message),)
        return _page(row, replace(asked, problems=problems)), 422
    context.tell("Saved", f"Your answers to “{_title(definition, row)}” are kept for you. They have not been sent.")
    return redirect(url_for("tasks.index"), 303)


@blueprint.post("/<task_id>/draft/drop")
@access("signed in")
def drop_draft(task_id: str) -> ResponseReturnValue:
    """Throw the person's half-written answers away and show the empty form."""
    row = _row(task_id)
    context.service().sharing.drop_draft(context.actor(), row.id)
    return redirect(url_for("tasks.show", task_id=row.id), 303)


@blueprint.post("/<task_id>/claim")
@access("signed in")
def claim(task_id: str) -> ResponseReturnValue:
    """Take a task of one's group for oneself."""
    try:
        context.service().handler.claim(context.actor(), task_id, context.sent_key())
    except TaskClosed:
        return _closed(_row(task_id)), 409
    except TaskHeld:
        return _held(_row(task_id)), 409
    context.tell("Taken", "This task is now yours. Others in your group see that you are doing it.")
    return redirect(url_for("tasks.show", task_id=task_id), 303)


@blueprint.post("/<task_id>/release")
@access("signed in")
def release(task_id: str) -> ResponseReturnValue:
    """Give a task back to its group."""
    row = _row(task_id)
    try:
        context.service().handler.release(context.actor(), task_id, context.sent_key())
    except TaskClosed:
        return _closed(_row(task_id)), 409
    context.tell("Given back", f"“{_title(_definition(row), row)}” waits for your group again.")
    return redirect(url_for("tasks.index", list="groups"), 303)


def done_sentence(title: str, done: Done, follows: str) -> str:
    """Say what just happened, what follows, and whether the person has more to do in the same case."""
    more = "Your next task is below." if done.opened else ""
    return " ".join(filter(None, (f"“{title}” is done in {done.code}.", follows, more)))


def next_page(done: Done, code: str) -> str:
    """Return where a person goes next: their next open task of the case, else the case itself."""
    if done.opened:
        return url_for("tasks.show", task_id=done.opened[0])
    return url_for("cases.show", code=code)


def _count(rows: list[TaskRow]) -> str:
    return f"{MOST}+" if len(rows) == MOST else str(len(rows))


def _row(task_id: str) -> TaskRow:
    with context.service().read() as db:
        row = queries.task(db, context.actor(), task_id)
    if row is None:
        raise NotFound("There is no such task.")
    return row


def _definition(row: TaskRow) -> ProcessDefinition:
    return context.service().definitions.get(row.definition_hash)


def _element(row: TaskRow) -> Element:
    return _definition(row).element(row.process_id, row.element_id)


def _names(row: TaskRow) -> dict[str, Any]:
    with context.service().read() as db:
        return case_words.names(db, _definition(row), row.instance_id, row.item)


def _title(definition: ProcessDefinition, row: TaskRow, names: Mapping[str, Any] | None = None) -> str:
    """The title of a task's form, else its name; a title with places is filled from its case."""
    title = str(reasons.schema(definition.forms, row.form).get("title") or row.name)
    if "{" not in title:
        return title
    return fill(title, definition.telling(_names(row) if names is None else names))


def _listed(row: TaskRow) -> Listed:
    definition = _definition(row)
    return Listed(row, _title(definition, row), standing.item(definition, row), standing.group(definition, row))


def _page(row: TaskRow, asked: Asked, *, draft_at: datetime | None = None) -> str:
    definition, person = _definition(row), context.actor()
    names = _names(row)
    element = case_words.said(_element(row), definition.telling(names))
    with context.service().read() as db:
        here = people.as_in(db, person, row.instance_id)
        case = queries.case(db, person, row.code)
    return render_template(
        "tasks/task.html",
        row=row,
        asked=asked,
        title=_title(definition, row, names),
        group=standing.group(definition, row),
        item=standing.item(definition, row),
        element=element,
        clauses=[definition.clauses[key] for key in _clause_keys(element) if key in definition.clauses],
        may_claim=row.owner == person.account_id or (row.assignee is None and may_do(here, row.role, row.agency)),
        may_share=row.assignee == person.account_id or may_assign(definition, here, row.role, row.agency),
        is_mine=row.assignee == person.account_id,
        lent=row.owner == person.account_id,
        draft_at=draft_at,
        suspended=case is not None and case.status == "suspended",
        claim_key=context.new_key(),
    )


def _clause_keys(element: Element) -> list[str]:
    return element.properties.get("clause", "").split()


def _closed(row: TaskRow, typed: list[tuple[str, Any]] | None = None) -> str:
    return render_template("tasks/closed.html", row=row, title=_title(_definition(row), row), typed=typed)


def _held(row: TaskRow, typed: list[tuple[str, Any]] | None = None) -> str:
    return render_template("tasks/held.html", row=row, title=_title(_definition(row), row), typed=typed)
