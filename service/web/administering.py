"""People: who may sign in and in which roles, for those who look after accounts. Nothing here shows a case."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.core.definitions import ProcessDefinition
from service.core.errors import BrokenRule, NotFound, Problem
from service.store import accounts
from service.web import context, reasoning
from service.web.reasoning import Request
from service.web.security import access

blueprint = Blueprint("people", __name__, url_prefix="/people")

END_OF_DAYS = date(9000, 1, 1)
"""The calendar ends soon after: there may be no day behind the last."""
Act = Callable[[Mapping[str, str]], object]
ACTS = {
    "disable": ("Shut this account", "They are signed out at once and cannot sign in. What they did stays.", "Shut"),
    "enable": ("Open this account again", "They sign in as before.", "Open again"),
    "reset": (
        "Let them set up a new second factor",
        "For a telephone that was lost. They are signed out, and set up a new one after their next password.",
        "Reset",
    ),
    "sign-out": ("End their sessions", "They have to sign in again wherever they are signed in.", "End sessions"),
}


@blueprint.get("")
@access("administers")
def index() -> ResponseReturnValue:
    """List and search the accounts, a page at a time."""
    text, after = request.args.get("q", "").strip().replace("\0", ""), request.args.get("after", "").replace("\0", "")
    with context.service().read() as db:
        found = accounts.search(db, text, after)
    more = found[accounts.ON_A_PAGE - 1].email if len(found) > accounts.ON_A_PAGE else None
    return render_template("people/index.html", found=found[: accounts.ON_A_PAGE], q=text, more=more)


@blueprint.route("/invite", methods=["GET", "POST"])
@access("administers")
def invite() -> ResponseReturnValue:
    """Make an account for somebody and show their invitation, which is told this once."""
    made: list[tuple[str, str]] = []

    def act(typed: Mapping[str, str]) -> None:
        people = context.service().administration
        made.append(people.invite(context.actor(), typed["email"], typed["name"], typed["reason"]))

    asked = _take(("email", "name", "reason"), act)
    if asked is not None:
        return render_template("people/invite.html", asked=asked), asked.status
    [(account_id, token)] = made
    return _invitation(account_id, token)


@blueprint.get("/organisations")
@access("administers")
def organisations() -> ResponseReturnValue:
    """List the organisations, who acts for each, and which took over from which."""
    definition = context.require_definition()
    with context.service().read() as db:
        acting = accounts.acting(db, context.service().clock())
    rows = definition.directories.get("agencies", [])
    before: dict[str, list[str]] = {}
    for row in rows:
        if row.get("successor"):
            before.setdefault(str(row["successor"]), []).append(str(row["name"]))
    listed = [
        (
            str(row["name"]), [(one, map(definition.role_name, one.roles)) for one in acting.get(str(row["id"]), [])],
            definition.listed_as(str(row.get("successor") or "")), before.get(str(row["id"]), []),
        )
        for row in rows
    ]  # fmt: skip
    return render_template("people/organisations.html", listed=listed)


@blueprint.get("/<account_id>")
@access("administers")
def show(account_id: str) -> ResponseReturnValue:
    """Show one account: its roles, its sessions by number, what was done to it."""
    found = _found(account_id)
    definition = context.require_definition()
    with context.service().read() as db:
        given = {
            "held": accounts.held(db, account_id), "happened": accounts.happened(db, account_id),
            "others": accounts.others_of_person(db, found), "last_seen": accounts.last_seen(db, account_id),
            "open_sessions": accounts.open_sessions(db, account_id, context.service().clock()),
        }  # fmt: skip
    words = partial(_role_words, definition)
    return render_template(
        "people/person.html", found=found, role_words=words, told_words=partial(_told_words, definition), **given
    )


@blueprint.route("/<account_id>/invite", methods=["GET", "POST"])
@access("administers")
def invite_again(account_id: str) -> ResponseReturnValue:
    """Make a new invitation, with which the person chooses a new password."""
    made: list[str] = []

    def act(typed: Mapping[str, str]) -> None:
        made.append(context.service().administration.invite_again(context.actor(), account_id, typed["reason"]))

    asked = _take(("reason",), act)
    if asked is not None:
        hint = "Their current password is worth nothing from then on, and they are signed out."
        return _acts(account_id, asked, "Invite them again", hint, "Make an invitation")
    return _invitation(account_id, made[0])


@blueprint.route("/<account_id>/<what>", methods=["GET", "POST"])
@access("administers")
def change(account_id: str, what: str) -> ResponseReturnValue:
    """Do one of ``ACTS`` to an account."""
    if what not in ACTS:
        raise NotFound("Nothing of that name is done to accounts.")
    people = context.service().administration
    done = {
        "disable": people.disable, "enable": people.enable, "reset": people.reset_second_factor,
        "sign-out": people.end_sessions,
    }[what]  # fmt: skip
    asked = _take(("reason",), lambda typed: done(context.actor(), account_id, typed["reason"]))
    return _done(account_id) if asked is None else _acts(account_id, asked, *ACTS[what])


@blueprint.route("/<account_id>/roles", methods=["GET", "POST"])
@access("administers")
def grant(account_id: str) -> ResponseReturnValue:
    """Give a role."""

    def act(typed: Mapping[str, str]) -> None:
        days = _day(typed, "from"), _day(typed, "until")
        agency = typed["agency"] or None
        people = context.service().administration
        people.grant(context.actor(), account_id, typed["role"], agency, days, typed["reason"])

    asked = _take(("role", "agency", "from", "until", "reason"), act)
    if asked is None:
        return _done(account_id)
    definition = context.require_definition()
    roles = [(role, definition.role_name(role)) for role in definition.roles]
    agencies = [(str(row["id"]), str(row["name"])) for row in definition.directories["agencies"]]
    page = render_template(
        "people/grant.html", found=_found(account_id), asked=asked, roles=roles, agencies=agencies
    )
    return page, asked.status


@blueprint.route("/<account_id>/roles/<membership_id>/end", methods=["GET", "POST"])
@access("administers")
def end_role(account_id: str, membership_id: str) -> ResponseReturnValue:
    """End a role now."""
    end = partial(context.service().administration.end_role, context.actor(), account_id, membership_id)
    asked = _take(("reason",), lambda typed: end(typed["reason"]))
    hint = "They can do nothing more in this role from now on. What they did in it stays."
    return _done(account_id) if asked is None else _acts(account_id, asked, "End this role", hint, "End")


@blueprint.route("/<account_id>/person", methods=["GET", "POST"])
@access("administers")
def same_person(account_id: str) -> ResponseReturnValue:
    """Keep that another account belongs to the same person."""
    people = context.service().administration

    def act(typed: Mapping[str, str]) -> None:
        people.same_person(context.actor(), account_id, typed["email"], typed["reason"])

    asked = _take(("email", "reason"), act)
    hint = "Wherever two people are asked for, both accounts count as one. This is not taken back here."
    if asked is None:
        return _done(account_id)
    return _acts(account_id, asked, "Another account of the same person", hint, "Keep", email=True)


def _take(names: tuple[str, ...], act: Act) -> Request | None:
    if request.method == "GET":
        return reasoning.blank()
    return reasoning.take(names, lambda typed, _key: act(typed))


def _acts(
    account_id: str, asked: Request, title: str, hint: str, verb: str, *, email: bool = False
) -> ResponseReturnValue:
    found = _found(account_id)
    page = render_template(
        "people/act.html", found=found, asked=asked, title=title, hint=hint, verb=verb, email=email
    )
    return page, asked.status


def _done(account_id: str) -> ResponseReturnValue:
    context.tell("Done", "It counts from now on, and is kept with your name and reason.")
    return redirect(url_for("people.show", account_id=account_id), 303)


def _invitation(account_id: str, token: str) -> ResponseReturnValue:
    base = context.service().settings.public_url.rstrip("/") or request.host_url.rstrip("/")
    address = base + url_for("auth.invitation", token=token)
    return render_template("people/invitation.html", found=_found(account_id), address=address)


def _found(account_id: str) -> accounts.Account:
    with context.service().read() as db:
        found = accounts.account_by_id(db, account_id)
    if found is None:
        raise NotFound("There is no such account.")
    return found


def _day(typed: Mapping[str, str], name: str) -> date | None:
    text = typed[name].strip()
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = END_OF_DAYS
    if found >= END_OF_DAYS:
        said = "Enter a day like 2026-03-31, or leave this empty"
        raise BrokenRule(said, (Problem(name, said),))
    return found


def _told_words(definition: ProcessDefinition, told: str) -> str:
    """A role as it is kept with what was done to an account: ``role`` or ``role@agency``."""
    role, _, agency = told.partition("@")
    return _role_words(definition, role, agency or None)


def _role_words(definition: ProcessDefinition, role: str, agency: str | None) -> str:
    return definition.role_name(role) + (f", {definition.listed_as(agency)}" if agency else "")
