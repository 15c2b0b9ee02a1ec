"""The history of a case: the verdict of chain and replay, a slider over its diagrams, and the same as a list.

Open to people who can see the case. Nothing here writes.
"""

from dataclasses import dataclass

from flask import Blueprint, Response, jsonify, render_template, request, url_for
from sqlalchemy import Connection

from service.core import clock_courses, narrowing
from service.core.access import Actor
from service.core.chain import Step
from service.core.definitions import ProcessDefinition
from service.core.errors import NotFound
from service.core.replay import Verdict
from service.runtime import history
from service.runtime.history import Frame
from service.store import instances, people, queries, versions
from service.store.rows import CaseRow
from service.web import case_history, context, departures, time_limits
from service.web.case_history import ToldStep
from service.web.departures import Shown
from service.web.filters import british_time
from service.web.security import access

blueprint = Blueprint("audit", __name__)

LONGEST_NUMBER = 10
"""Digits of a step's number that are read at all."""


@dataclass(frozen=True, slots=True)
class Told:
    """Everything a page needs of one case: its row, pinned definition, steps, and what to tell them with."""

    case: CaseRow
    definition: ProcessDefinition
    steps: list[Step]
    people: dict[str, str]
    versions: dict[str, int]
    state: bytes
    reader: Actor
    departures: list[Shown]


@blueprint.get("/history")
@access("audits")
def index() -> str:
    """List the cases whose history the person may look at."""
    with context.service().read() as db:
        cases = queries.cases(db, context.actor())
    return render_template("audit/index.html", cases=cases)


@blueprint.get("/cases/<code>/history")
@access("signed in", shows="history")
def case(code: str) -> str:
    """Show the history of one case as it stood after step ``?step=``, the last one unless asked."""
    told = _told(code)
    verdict = _verdict(told) if told.reader.whole else None
    frames = _frames(told)
    chosen = _chosen(len(frames))
    shown = frames[chosen - 1] if frames else None
    return render_template(
        "audit/case.html",
        case=told.case,
        departures=told.departures,
        verdict=verdict,
        steps=_told_steps(told),
        chosen=chosen,
        last=len(frames),
        places=case_history.places(_definition(shown.definition), shown) if shown else [],
        waiting=case_history.waiting_sentence(_definition(shown.definition), shown) if shown else "",
        limits=_limits(told.steps[:chosen])[-1] if shown else [],
        processes=case_history.shown_processes(told.definition, frames),
    )


@blueprint.get("/cases/<code>/history.json")
@access("signed in", shows="history")
def frames(code: str) -> Response:
    """Give the slider each step's title, instant and markers, and where the diagrams are."""
    told = _told(code)
    frames = _frames(told)
    diagrams = [
        {**process, "source": url_for("audit.diagram", code=code, process_id=process["id"])}
        for process in case_history.shown_processes(told.definition, frames)
    ]
    steps = _told_steps(told)
    limits = _limits(told.steps[: len(frames)])  # further than it can be run again nothing is said
    titles = [step.title for step in steps[: len(frames)]]
    shown = [_frame(told.definition, *each) for each in zip(frames, titles, limits, strict=True)]
    return jsonify(diagrams=diagrams, frames=shown)


@blueprint.get("/cases/<code>/diagram/<process_id>.bpmn")
@access("signed in")
def diagram(code: str, process_id: str) -> Response:
    """Give a diagram exactly as the case runs it."""
    with context.service().read() as db:
        found = _case(db, code)
    definition = _definition(found.definition_hash)
    return Response(definition.diagram(process_id), mimetype="application/xml")


def _told(code: str) -> Told:
    with context.service().read() as db:
        found = _case(db, code)
        steps, state = instances.steps_of(db, found.id), queries.state_as_stored(db, found.id)
        names, numbers = people.names(db), versions.numbers(db)
        reader = people.as_in(db, context.actor(), found.id)
        definition = context.service().definitions.load(db, found.definition_hash)
        departed = departures.shown(db, definition, context.actor(), found)
        if not reader.whole:
            own = {task.id for task in queries.case_tasks(db, context.actor(), found.id)}
            steps = narrowing.narrowed(steps, own, context.actor().account_id)
    return Told(found, _definition(found.definition_hash), steps, names, numbers, state, reader, departed)


def _told_steps(told: Told) -> list[ToldStep]:
    return case_history.told_steps(_definition, told.reader, told.people, told.versions, told.steps)


def _definition(definition_hash: str) -> ProcessDefinition:
    return context.service().definitions.get(definition_hash)


def _case(db: Connection, code: str) -> CaseRow:
    found = queries.case(db, context.actor(), code)
    if found is None:
        raise NotFound("There is no such case.")
    return found


def _verdict(told: Told) -> Verdict:
    return history.verdict(context.service().definitions.get, told.steps, told.state)


def _frames(told: Told) -> list[Frame]:
    if not told.reader.whole:
        return []  # the steps of others cannot be left out of a case that is run again
    return case_history.frames_as_far_as_possible(context.service().definitions.get, told.steps)


def _chosen(last: int) -> int:
    asked = request.args.get("step", "")
    # Python refuses to read a number of thousands of digits.
    return max(1, min(last, int(asked))) if asked.isdecimal() and len(asked) < LONGEST_NUMBER else last


def _limits(steps: list[Step]) -> list[list[str]]:
    """The time limits as they stood after each step."""
    known = clock_courses.step_by_step(_definition, steps)
    return [time_limits.sentences(courses, step.at) for courses, step in zip(known, steps, strict=True)]


def _frame(definition: ProcessDefinition, frame: Frame, title: str, limits: list[str]) -> dict[str, object]:
    waiting = case_history.waiting_sentence(_definition(frame.definition), frame)
    drawn = case_history.drawable(definition, frame.markers)
    return {"title": title, "when": british_time(frame.at), "waiting": waiting, "markers": drawn, "limits": limits}
