"""Drafts of a definition: edit a diagram or any other file, check it, see what changes, deploy it.

Saving never asks whether a draft is right, deploying always does. A save says which version it began from, so two
people never overwrite each other. Whatever is refused, the page keeps what the person wrote.
"""

from dataclasses import asdict

from flask import Response, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.core.differences import differences
from service.core.errors import BrokenRule, NotFound, NothingToDo
from service.core.forms_door import is_hidden
from service.core.gate.finding import Finding
from service.runtime import checking
from service.runtime.deploying import DraftMoved
from service.store import people
from service.store.rows import DraftRow
from service.web import context, draft_files
from service.web.filters import british_time
from service.web.request_door import LONG, read_json
from service.web.security import access

CONFLICT = 409
REFUSED = 422
SENT = ("path", "text", "version", "key")
"""What the editor sends of a file."""
LONGEST_NUMBER = 10
"""Digits of a version that are read at all: Python refuses to read thousands of them."""


@access("edits processes")
def start() -> ResponseReturnValue:
    """Begin a draft from a deployed version."""
    draft = context.service().deployments.start_draft(context.actor(), _told("based_on"), _told("name"))
    return redirect(url_for("studio.overview", draft_id=draft.id), 303)


@access("edits processes")
def overview(draft_id: str) -> str:
    """Show the files of a draft and what it changes so far."""
    draft = _draft(draft_id)
    changes = differences(_deployed(draft.based_on), draft.files)
    return render_template("studio/draft.html", draft=draft, groups=draft_files.grouped(draft.files), changes=changes)


@access("edits processes")
def edit(draft_id: str, process_id: str) -> str:
    """Show a diagram of a draft in the editor."""
    draft = _draft(draft_id)
    path = draft_files.path_of(process_id)
    _text(draft, path)
    g.csp_style_attr = True  # the panel sizes its own parts; no other page may
    diagrams = draft_files.grouped(draft.files)["Diagrams"]
    return render_template(
        "studio/edit.html",
        draft=draft,
        path=path,
        process_id=process_id,
        name=next(file.name for file in diagrams if file.path == path),
        diagrams=diagrams,
        choices=draft_files.choices(draft.files),
    )


@access("edits processes")
def diagram(draft_id: str, process_id: str) -> Response:
    """Give a diagram of a draft as it was last saved."""
    return Response(_text(_draft(draft_id), draft_files.path_of(process_id)), mimetype="application/xml")


@access("edits processes", takes=LONG)
def save(draft_id: str) -> ResponseReturnValue:
    """Save one file sent as JSON (``path``, ``text``, ``version``); answers the new version, or 409 and why not."""
    sent = read_json(SENT)
    draft = _draft(draft_id)
    try:
        saved = _save(draft, sent["path"], sent["text"], sent["version"])
    except DraftMoved as moved:
        return jsonify(message=moved.message), CONFLICT
    return jsonify(version=saved.version, message=f"Saved {british_time(saved.updated_at)}")


@access("edits processes", takes=LONG)
def check(draft_id: str) -> Response:
    """Check a draft as it would be with the text sent for ``path``; nothing is saved. Answers JSON findings."""
    sent = read_json(SENT)
    draft = _draft(draft_id)
    _text(draft, sent["path"])
    findings = checking.check({**draft.files, sent["path"]: sent["text"]})
    return jsonify(findings=[asdict(finding) for finding in findings])


@access("edits processes")
def text(draft_id: str) -> str:
    """Show any file of a draft as text."""
    draft = _draft(draft_id)
    path = request.args.get("path", "")
    return _text_page(draft, path, _text(draft, path))


@access("edits processes", takes=LONG)
def save_text(draft_id: str) -> ResponseReturnValue:
    """Save or check a file sent as text; what was typed stays on the page whatever comes of it."""
    draft = _draft(draft_id)
    path, typed = request.form.get("path", ""), request.form.get("text", "").replace("\r\n", "\n")
    _text(draft, path)
    if request.form.get("action") == "check":
        return _text_page(draft, path, typed, findings=checking.check({**draft.files, path: typed}))
    try:
        _save(draft, path, typed, request.form.get("version"))
    except DraftMoved as moved:
        return _text_page(draft, path, typed, problem=moved.message), CONFLICT
    context.tell("Saved", f"{path} is saved in this draft. Nothing changes for anybody until the draft is deployed.")
    return redirect(url_for("studio.text", draft_id=draft.id, path=path), 303)


@access("edits processes")
def review(draft_id: str) -> str:
    """Show what the checks find in a draft and what deploying it would change."""
    return _review_page(_draft(draft_id))


@access("edits processes")
def deploy(draft_id: str) -> ResponseReturnValue:
    """Deploy a draft; refused while the checks find an error, when it changed meanwhile, or without a note."""
    draft = _draft(draft_id)
    note = _told("note")
    if not note:
        return _review_page(draft, problem="Say in a sentence what this version changes and why"), REFUSED
    try:
        row = context.service().deployments.deploy_draft(
            context.actor(), draft.id, note, _version(request.form.get("version"))
        )
    except DraftMoved as moved:
        return _review_page(draft, note, problem=moved.message), CONFLICT
    except (BrokenRule, NothingToDo) as refused:
        return _review_page(draft, note, problem=refused.message), REFUSED
    started = "New ones start on it. Running ones stay on the version they started with."
    context.tell(f"Version {row.version} is deployed", started)
    return redirect(url_for("studio.index"), 303)


def _draft(draft_id: str) -> DraftRow:
    with context.service().read() as db:
        found = people.draft_by_id(db, draft_id)
    if found is None:
        raise NotFound("There is no such draft.")
    return found


def _save(draft: DraftRow, path: str, typed: str, version: str | None) -> DraftRow:
    deployments = context.service().deployments
    return deployments.save_draft(context.actor(), draft.id, path, typed, _version(version))


def _text(draft: DraftRow, path: str) -> str:
    if path not in draft.files:
        raise NotFound("There is no such file in this draft.")
    return draft.files[path]


def _deployed(definition_hash: str) -> dict[str, str]:
    return dict(context.service().definitions.get(definition_hash).files)


def _version(sent: str | None) -> int:
    """Return the version a save began from; 0, which no draft has, if the page did not say."""
    return int(sent) if sent and sent.isdecimal() and len(sent) < LONGEST_NUMBER else 0


def _told(name: str) -> str:
    """Return a field of the form without characters that cannot be seen."""
    return "".join(character for character in request.form.get(name, "") if not is_hidden(character)).strip()


def _text_page(
    draft: DraftRow, path: str, typed: str, *, findings: list[Finding] | None = None, problem: str | None = None
) -> str:
    version = request.form.get("version", str(draft.version))
    return render_template(
        "studio/text.html", draft=draft, path=path, text=typed, version=version, findings=findings, problem=problem
    )


def _review_page(draft: DraftRow, note: str = "", problem: str | None = None) -> str:
    current = context.require_definition()
    return render_template(
        "studio/deploy.html",
        draft=draft,
        findings=checking.check(draft.files),
        changes=differences(current.files, draft.files),
        overtaken=current.hash != draft.based_on,
        note=note,
        problem=problem,
    )
