"""Cases: the list, starting one, where one stands, its records, and what one may tell it.

A case or record the person may not know of is not found (404), whether it exists or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from service.core import narrowing
from service.core.access import Actor, grants_access, may_assign, may_do, may_hold, may_send, may_start, operates
from service.core.chain import Step
from service.core.clock_course import Course
from service.core.clock_courses import courses
from service.core.definitions import Element, ProcessDefinition
from service.core.engine.markers import Markers, awaited, reopening_messages, waiting_messages
from service.core.engine.memory import names_seen
from service.core.engine.offering import offered_to_start
from service.core.errors import NotAllowed, NotFound, NotOffered, NotWaiting
from service.core.forms import show as show_answers
from service.core.placeholders import fill
from service.runtime import history
from service.runtime.documents import offered
from service.store import instances, people, queries, versions
from service.store.registers import declared_in
from service.store.rows import CaseRow, RecordRow, TaskRow
from service.web import asking, case_history, case_words, context, departures, standing, time_limits
from service.web.asking import Asked
from service.web.request_door import LONG
from service.web.security import access
from service.web.tasks import next_page

blueprint = Blueprint("cases", __name__, url_prefix="/cases")

RECENT = 8
"""How many steps and records the case page shows before it folds the rest away or leads to the whole history."""
STATES = {"running": "Open", "ended": "Ended", "incident": "Needs attention", "suspended": "On hold"}


@blueprint.get("")
@access("signed in")
def index() -> ResponseReturnValue:
    """List the cases the person may know of."""
    with context.service().read() as db:
        rows = queries.cases(db, context.actor())
    return render_template("cases/index.html", rows=rows, states=STATES, may_start=bool(_ways_to_start()))


@blueprint.get("/start")
@access("signed in")
def choose() -> ResponseReturnValue:
    """Choose what a new case starts with; with only one way, lead straight to its form."""
    ways = _ways_to_start()
    if not ways:
        raise NotAllowed("Your roles do not start anything here.")
    if len(ways) == 1:
        return redirect(url_for("cases.start", message=ways[0].message), 303)
    return render_template("cases/choose.html", ways=ways)


@blueprint.route("/start/<message>", methods=["GET", "POST"])
@access("signed in", takes=LONG)
def start(message: str) -> ResponseReturnValue:
    """Start a case with a form."""
    definition = context.require_definition()
    element = next((way for way in _ways_to_start() if way.message == message), None)
    if element is None:
        raise NotFound("There is no such way to start.")
    form = element.properties.get("form")
    if request.method == "GET":
        return _form_page(definition, element, asking.blank(definition, form, {}), {})
    person, handler = context.actor(), context.service().handler
    taken = asking.take(
        definition,
        form,
        {},
        lambda raw, key, confirmed, departures: handler.start(
            person, message, raw, key, confirmed=confirmed, departures=departures
        ),
    )
    if isinstance(taken, Asked):
        return _form_page(definition, element, taken, {}), taken.status
    context.tell("Started", f"{taken.code} has been started.")
    return redirect(url_for("cases.show", code=taken.code), 303)


@blueprint.get("/<code>")
@access("signed in", shows="case")
def show(code: str) -> ResponseReturnValue:
    """Show where a case stands, on the diagram and in words, with its time limits, records and history."""
    person = context.actor()
    with context.service().read() as db:
        case = _case(db, code)
        definition = context.service().definitions.load(db, case.definition_hash)
        here = people.as_in(db, person, case.id)
        tasks = queries.case_tasks(db, person, case.id)
        records = people.records(db, definition, person, case.id)
        steps, names, numbers = instances.steps_of(db, case.id), people.names(db), versions.numbers(db)
        state = queries.state(db, case.id)
        departed = departures.shown(db, definition, person, case)
        listed = declared_in(db, definition, person, case.id)
    steps, limits, markers = _as_seen(definition, here, tasks, steps, state)
    open_tasks = [task for task in tasks if task.closed_at is None]
    told = case_history.told_steps(context.service().definitions.get, here, names, numbers, steps)
    return render_template(
        "cases/case.html",
        case=case,
        sentence=standing.sentence(
            definition, case, open_tasks, context.now(), _opened_by(definition, case, state), whole=here.whole
        ),
        done=sorted((t for t in tasks if t.closed_at), key=lambda task: str(task.closed_at), reverse=True),
        open_tasks=open_tasks,
        may_open={task.id for task in open_tasks if _for(here, task)},
        groups={task.id: standing.group(definition, task) for task in tasks},
        named={task.id: standing.named(definition, task) for task in tasks},
        ahead=standing.ahead(definition, open_tasks),
        limits=time_limits.groups(definition, limits, context.now()),
        ways=_ways_to_tell(definition, here, case, state),
        records=_titled(records, names_seen({}, state, None))[::-1],
        recent=told[::-1][:RECENT],
        steps=len(told),
        shown=RECENT,
        departures=departed,
        registers=listed,
        markers=markers,
        processes=[{"id": key, "name": definition.processes[key].name} for key in markers],
        states=STATES,
        documents=offered(definition, here, "case"),
        may_assign={t.id for t in open_tasks if may_assign(definition, here, t.role, t.agency)},
        may_grant=grants_access(context.require_definition(), here),
        may_hold=case.status != "ended" and may_hold(context.require_definition(), here),
        may_correct=case.status != "ended" and operates(context.require_definition(), here),
    )


def _as_seen(
    definition: ProcessDefinition, here: Actor, tasks: list[TaskRow], steps: list[Step], state: bytes
) -> tuple[list[Step], list[Course], Markers]:
    """The steps, limits and marks of a case; for who sees only their own, those that are about ``tasks``."""
    limits = courses(context.service().definitions.get, steps)
    if here.whole:
        return steps, limits, history.live(definition, state)
    now = context.now()
    return (
        narrowing.narrowed(steps, {task.id for task in tasks}, here.account_id),
        narrowing.limits(definition, limits, {(t.element_id, t.item) for t in tasks}, here.agencies),
        narrowing.markers(tasks, lambda task: task.due_at is not None and task.due_at < now),
    )


@blueprint.route("/<code>/tell/<message>", methods=["GET", "POST"])
@access("signed in", takes=LONG, shows="message")
def tell(code: str, message: str) -> ResponseReturnValue:
    """Give a case a message with its form."""
    person, handler = context.actor(), context.service().handler
    with context.service().read() as db:
        case = _case(db, code)
        state = queries.state(db, case.id)
        definition = context.service().definitions.load(db, case.definition_hash)
        here = people.as_in(db, person, case.id)
    element = definition.message_element(message)
    form, item = element.properties.get("form"), request.args.get("item") or None
    names = names_seen(definition.specification.lists, state, item)
    if request.method == "GET":
        if (message, item) not in {(w.element.message, w.item) for w in _ways_to_tell(definition, here, case, state)}:
            raise _not_sent(definition, here, state, message, item)
        return _form_page(definition, element, asking.blank(definition, form, names), names, case)
    taken = asking.take(
        definition,
        form,
        names,
        lambda raw, key, confirmed, departures: handler.send(
            person, case.id, message, raw, key, item=item, confirmed=confirmed, departures=departures
        ),
    )
    if isinstance(taken, Asked):
        return _form_page(definition, element, taken, names, case), taken.status
    context.tell("Sent", f"“{element.name}” has been written down in {code}.")
    return redirect(next_page(taken, code), 303)


@blueprint.get("/<code>/records/<record_id>")
@access("signed in", shows="record")
def record(code: str, record_id: str) -> ResponseReturnValue:
    """Show one record as questions and answers."""
    with context.service().read() as db:
        case = _case(db, code)
        definition = context.service().definitions.load(db, case.definition_hash)
        found = people.record_by_id(db, definition, context.actor(), case.id, record_id)
        names = case_words.names(db, definition, case.id)
        departed = [d for d in departures.shown(db, definition, context.actor(), case) if d.row.record == record_id]
        numbered = people.as_in(db, context.actor(), case.id).whole
    if found is None:
        raise NotFound("There is no such record.")
    asked_by = context.service().definitions.get(found.definition_hash)
    answers = show_answers(asking.schema(asked_by, found.form, names), found.answers, asked_by.directories)
    titled = _titled([found], names)[0]
    return render_template(
        "cases/record.html", case=case, record=titled, answers_given=answers, departures=departed,
        numbered=numbered,
    )  # fmt: skip


def _titled(records: list[RecordRow], names: Mapping[str, Any]) -> list[RecordRow]:
    """The records with the places in their titles filled from the case as it stands."""
    version = context.service().definitions.get
    return [
        replace(row, title=fill(row.title, version(row.definition_hash).telling(names))) if "{" in row.title else row
        for row in records
    ]


def _case(db: Connection, code: str) -> CaseRow:
    case = queries.case(db, context.actor(), code)
    if case is None:
        raise NotFound("There is no such case.")
    return case


def _for(person: Actor, task: TaskRow) -> bool:
    """Whether the person may open the task: their group's, or one they hold."""
    return task.assignee == person.account_id or may_do(person, task.role, task.agency)


def _ways_to_start() -> list[Element]:
    definition = context.current_definition()
    if definition is None:
        return []
    starts = [e for e in definition.start_messages() if e.message and offered_to_start(definition, e, context.now())]
    return [e for e in starts if may_start(definition, context.actor(), str(e.message))]


@dataclass(frozen=True, slots=True)
class Way:
    """Something a person may tell a case now; ``item`` is what it is about where several things wait for it."""

    element: Element
    item: str | None
    name: str


def _ways_to_tell(definition: ProcessDefinition, person: Actor, case: CaseRow, state: bytes) -> list[Way]:
    if case.status == "ended" and not case.rests:
        return []
    found = [
        (definition.message_element(message), item)
        for message, item in waiting_messages(definition, state, context.now())
        if may_send(definition, person, message, item)
    ]
    titled = [(e, item, _title(definition, e, state, item)) for e, item in found]
    return [Way(e, item, ": ".join(filter(None, (t, standing.listed_as(definition, item))))) for e, item, t in titled]


def _title(definition: ProcessDefinition, element: Element, state: bytes, item: str | None) -> str:
    """What somebody does who tells a case this: the title of the form, which says it better than the event's name."""
    title = definition.forms.get(element.properties.get("form", ""), {}).get("title", element.name)
    names = names_seen(definition.specification.lists, state, item)
    return fill(str(title), definition.telling(names))


def _opened_by(definition: ProcessDefinition, case: CaseRow, state: bytes) -> list[str]:
    """What would open a case that rests, by the names of what receives it."""
    found = reopening_messages(definition, state) if case.rests else []
    return [definition.message_element(message).name for message in found]


def _not_sent(
    definition: ProcessDefinition, person: Actor, state: bytes, message: str, item: str | None
) -> NotWaiting:
    """Why a message cannot be sent now; what it waits for is told only to those who may send it."""
    why = awaited(definition, state, context.now()).get((message, item))
    if why is not None and may_send(definition, person, message, item):
        return NotOffered(why)
    return NotWaiting("This cannot be sent now, or not by you.")


def _form_page(
    definition: ProcessDefinition, element: Element, asked: Asked, names: Mapping[str, Any], case: CaseRow | None = None
) -> str:
    keys = element.properties.get("clause", "").split()
    return render_template(
        "cases/form.html",
        element=case_words.said(element, definition.telling(names)),
        asked=asked,
        case=case,
        title=str(asked.form.get("title") or element.name),
        clauses=[definition.clauses[key] for key in keys if key in definition.clauses],
    )
