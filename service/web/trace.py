"""What the law asks, and what holds it: the trace of a deployed version with what its scenarios gave."""

from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.core import trace, trace_words
from service.core.definitions import ProcessDefinition
from service.core.errors import NotFound
from service.core.trace import Place, State
from service.runtime import story_runs
from service.runtime.story_runs import Kept
from service.store import people
from service.store.rows import DefinitionRow
from service.web import context
from service.web.security import access


@dataclass(frozen=True, slots=True)
class Linked:
    """A place of a row: in words, where it is met, and how it stands."""

    place: Place
    words: str
    address: str | None


@access("signed in")
def rows(definition_hash: str) -> str:
    """Show every duty, or with ``?show=red`` those that are not held and proven."""
    definition = context.service().definitions.get(definition_hash)
    version, kept = _found(definition_hash)
    states = trace.states(definition, kept.told)
    only = request.args.get("show") == "red"
    return render_template(
        "studio/trace.html",
        version=version,
        kept=kept,
        states=[s for s in states if not only or s.why],
        places={s.row.id: _linked(definition, s) for s in states},
        all=len(states),
        red=sum(bool(s.why) for s in states),
        only_red=only,
        unknown=trace.unknown_duties(definition, kept.told),
        may_ask=context.has_flag(context.actor(), context.current_definition(), "edits_processes"),
    )


@access("edits processes")
def ask(definition_hash: str) -> ResponseReturnValue:
    """Have the scenarios of this version played by the worker."""
    story_runs.ask(context.service(), context.actor(), definition_hash)
    return redirect(url_for("studio.trace_rows", definition_hash=definition_hash), 303)


def _found(definition_hash: str) -> tuple[DefinitionRow, Kept]:
    with context.service().read() as db:
        row = next((entry for entry in people.definitions(db) if entry.hash == definition_hash), None)
        if row is None:
            raise NotFound("There is no such version of the process.")
        return row, story_runs.kept(db, definition_hash)


def _linked(definition: ProcessDefinition, state: State) -> list[Linked]:
    found = ((place, trace_words.shown(definition, place.name)) for place in state.places)
    return [Linked(place, shown.words, _address(definition, shown)) for place, shown in found]


def _address(definition: ProcessDefinition, shown: trace_words.Shown) -> str | None:
    if shown.process is None:
        return None
    return url_for(
        "studio.process", definition_hash=definition.hash, process_id=shown.process,
        _anchor=f"element-{shown.element}",
    )  # fmt: skip
