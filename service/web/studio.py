"""Processes as their owners see them: deployed versions, drafts, and each diagram to read.

A deployed version never changes; work goes on in drafts (``web.drafts``), whose pages hang on the same blueprint.
"""

from flask import Blueprint, Response, render_template

from service.core import local_rules
from service.core.definitions import ProcessDefinition
from service.core.errors import NotFound
from service.store import people
from service.web import context, draft_files, drafts, migrating, trace
from service.web.security import access

blueprint = Blueprint("studio", __name__)


@blueprint.get("/processes")
@access("edits processes")
def index() -> str:
    """List the deployed versions and the drafts."""
    with context.service().read() as db:
        versions, open_drafts = people.definitions(db), people.drafts(db)
    numbers = {version.hash: version.version for version in versions}
    return render_template("studio/index.html", versions=versions, drafts=open_drafts, numbers=numbers)


@blueprint.get("/processes/<definition_hash>")
@access("signed in")
def version(definition_hash: str) -> str:
    """List what one deployed version consists of."""
    definition = context.service().definitions.get(definition_hash)
    with context.service().read() as db:
        row = next((entry for entry in people.definitions(db) if entry.hash == definition_hash), None)
    may_move = context.has_flag(context.actor(), context.current_definition(), "edits_processes")
    groups = draft_files.grouped(definition.files)
    rules = [{**rule, "amount": local_rules.amount(rule)} for rule in definition.local_rules]
    return render_template("studio/version.html", version=row, groups=groups, may_move=may_move, local_rules=rules)


@blueprint.get("/processes/<definition_hash>/<process_id>")
@access("signed in")
def process(definition_hash: str, process_id: str) -> str:
    """Show one diagram of a deployed version, and the same as a list of elements with what is set on them."""
    definition = context.service().definitions.get(definition_hash)
    shown = _process(definition, process_id)
    names = {key: definition.role_name(key) for key in definition.roles}
    return render_template(
        "studio/process.html",
        process=shown,
        definition_hash=definition_hash,
        elements=draft_files.described(definition.diagram(process_id), names),
        others=[other for other in definition.processes.values() if other.id != process_id],
        may_edit=context.has_flag(context.actor(), context.current_definition(), "edits_processes"),
    )


@blueprint.get("/processes/<definition_hash>/<process_id>.bpmn")
@access("signed in")
def diagram(definition_hash: str, process_id: str) -> Response:
    """Give a diagram exactly as it was deployed."""
    text = context.service().definitions.get(definition_hash).diagram(process_id)
    return Response(text, mimetype="application/xml")


def _process(definition: ProcessDefinition, process_id: str) -> object:
    if process_id not in definition.processes:
        raise NotFound("There is no such diagram.")
    return definition.processes[process_id]


blueprint.add_url_rule("/drafts", view_func=drafts.start, methods=["POST"])
blueprint.add_url_rule("/drafts/<draft_id>", view_func=drafts.overview)
blueprint.add_url_rule("/drafts/<draft_id>/<process_id>", view_func=drafts.edit)
blueprint.add_url_rule("/drafts/<draft_id>/<process_id>.bpmn", view_func=drafts.diagram, endpoint="draft_diagram")
blueprint.add_url_rule("/drafts/<draft_id>/file", view_func=drafts.text)
blueprint.add_url_rule("/drafts/<draft_id>/file", view_func=drafts.save_text, methods=["POST"])
blueprint.add_url_rule("/drafts/<draft_id>/save", view_func=drafts.save, methods=["POST"])
blueprint.add_url_rule("/drafts/<draft_id>/check", view_func=drafts.check, methods=["POST"])
blueprint.add_url_rule("/drafts/<draft_id>/deploy", view_func=drafts.review)
blueprint.add_url_rule("/drafts/<draft_id>/deploy", view_func=drafts.deploy, methods=["POST"])
blueprint.add_url_rule("/processes/<definition_hash>/running-cases", view_func=migrating.preview, endpoint="cases")
blueprint.add_url_rule(
    "/processes/<definition_hash>/running-cases", view_func=migrating.move, endpoint="move_cases", methods=["POST"]
)
blueprint.add_url_rule("/processes/<definition_hash>/trace", view_func=trace.rows, endpoint="trace_rows")
blueprint.add_url_rule(
    "/processes/<definition_hash>/trace", view_func=trace.ask, endpoint="ask_trace", methods=["POST"]
)
