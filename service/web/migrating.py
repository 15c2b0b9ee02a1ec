"""Running cases on earlier versions: what moving each to a deployed version would do, and moving the chosen ones.

The first page writes nothing. Where a step of a case has no place in the version, the page asks what takes its place.
Moving needs a reason and a choice; the same page sent twice gives the same answer and moves nothing twice.
"""

from collections.abc import Collection, Iterable
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from service.core.definitions import ProcessDefinition
from service.core.diagram_words import kind_words
from service.core.errors import BrokenRule, NotFound
from service.runtime.migrating import Seen
from service.store import people
from service.store.rows import DefinitionRow
from service.web import context
from service.web.security import access

REFUSED = 422
RENAME = "rename-"


@access("edits processes")
def preview(definition_hash: str) -> str:
    """Show each running case on another version and what moving it would do; ``?rename-OLD=NEW`` is the plan.

    None is chosen beforehand, unless ``?all=1`` asks for it.
    """
    return _page(_version(definition_hash), _plan(request.args), every="all" in request.args)


@access("edits processes")
def move(definition_hash: str) -> ResponseReturnValue:
    """Move the chosen cases and show what became of each."""
    to, plan, reason = _version(definition_hash), _plan(request.form), request.form.get("reason", "")
    chosen = request.form.getlist("case")
    if not chosen:
        return _page(to, plan, reason, {"cases": "Choose at least one"}), REFUSED
    try:
        key = context.sent_key()
        moved = list(context.service().migrations.execute(context.actor(), to, plan, chosen, reason, key))
    except BrokenRule as refused:
        return _page(to, plan, reason, {"reason": refused.message}, chosen), REFUSED
    return render_template("studio/moved.html", version=to, moved=moved)


def _page(
    to: DefinitionRow, plan: dict[str, str], reason: str = "", problems: dict[str, str] | None = None,
    chosen: Collection[str] = (), *, every: bool = False,
) -> str:  # fmt: skip
    seen = context.service().migrations.preview(context.actor(), to, plan)
    return render_template(
        "studio/cases.html",
        version=to,
        moving=[s for s in seen if s.preview.moves],
        staying=[s for s in seen if not s.preview.moves],
        renames=_renames(context.service().definitions.get(to.hash), seen, plan),
        plan=plan,
        reason=reason,
        problems=problems or {},
        chosen=[s.code for s in seen] if every else chosen,
        every=every,
        choose_address=_address(to, plan, every=not every),
        key=context.new_key(),
    )


def _address(to: DefinitionRow, plan: dict[str, str], *, every: bool) -> str:
    """The address of the page with all of the cases chosen, or none."""
    asked: dict[str, Any] = {f"{RENAME}{old}": new for old, new in plan.items()} | ({"all": 1} if every else {})
    return url_for("studio.cases", definition_hash=to.hash, **asked)


def _renames(definition: ProcessDefinition, seen: Iterable[Seen], plan: dict[str, str]) -> list[dict[str, object]]:
    """The questions to ask: what takes the place of each step that has none, with the steps of the version."""
    fields = {p.field: p.message for s in seen for p in s.preview.problems if ":" in p.field}
    asked = {**{old: "" for old in plan if ":" in old}, **fields}
    return [
        {
            "old": old,
            "called": fields.get(old, "").partition("”")[0].lstrip("“") or old.partition(":")[2],
            "choices": _choices(definition, old.partition(":")[0]),
            "chosen": plan.get(old, ""),
        }
        for old in sorted(asked)
    ]  # fmt: skip


def _choices(definition: ProcessDefinition, process_id: str) -> list[tuple[str, str]]:
    process = definition.processes.get(process_id)
    every = [process] if process is not None else definition.processes.values()
    found = [e for p in every for e in p.elements.values() if e.kind not in {"startEvent", "boundaryEvent"}]
    return sorted(((e.id, f"{e.name or e.id} ({kind_words(e.kind)})") for e in found), key=lambda c: c[1])


def _plan(given: MultiDict[str, str]) -> dict[str, str]:
    renamed = ((key.removeprefix(RENAME), value.strip()) for key, value in given.items() if key.startswith(RENAME))
    return {old: new for old, new in renamed if new}


def _version(definition_hash: str) -> DefinitionRow:
    with context.service().read() as db:
        found = next((row for row in people.definitions(db) if row.hash == definition_hash), None)
    if found is None:
        raise NotFound("There is no such version of the process.")
    return found
