"""“Your account”: how somebody signs in, and where they are signed in."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.core.errors import BrokenRule, Problem, Rejection
from service.runtime.entering import token_hash
from service.runtime.failed_tries import TooManyTries
from service.web import context, security
from service.web.security import access

blueprint = Blueprint("account", __name__, url_prefix="/account")

NAMED_BY = 16
"""Hexadecimal digits of a session's hash that name it on the page: enough to tell, too few to be worth anything."""


@blueprint.get("")
@access("signed in")
def index() -> ResponseReturnValue:
    """Show what somebody signs in with, and their open sessions."""
    return _page()


@blueprint.post("/password")
@access("signed in")
def password() -> ResponseReturnValue:
    """Change the password; 303 back to the page, or the page again with 422 or 429."""
    old, new = request.form.get("old", ""), request.form.get("password", "")
    try:
        context.service().own_account.change_password(context.actor(), _token(), old, new)
    except (BrokenRule, TooManyTries) as refusal:
        return _refused(refusal, "old")
    context.tell("Password changed", "Every other session of yours has ended.")
    return redirect(url_for("account.index"), 303)


@blueprint.post("/codes")
@access("signed in")
def codes() -> ResponseReturnValue:
    """Make fresh recovery codes and show them this once."""
    try:
        made = context.service().own_account.renew_codes(context.actor(), request.form.get("code", ""))
    except (BrokenRule, TooManyTries) as refusal:
        return _refused(refusal, "code")
    return render_template("auth/codes.html", codes=made, onward=url_for("account.index"))


@blueprint.post("/sessions/<name>/end")
@access("signed in")
def end(name: str) -> ResponseReturnValue:
    """End one of the person's own sessions."""
    context.service().own_account.end_session(context.actor(), name)
    context.tell("Session ended", "Whoever used it has to sign in again.")
    return redirect(url_for("account.index"), 303)


def _token() -> str:
    return request.cookies.get(security.cookie_name(), "")


def _refused(refusal: Rejection, field: str) -> ResponseReturnValue:
    problems = getattr(refusal, "problems", ()) or (Problem(field, refusal.message),)
    return _page(problems), 429 if isinstance(refusal, TooManyTries) else 422


def _page(problems: tuple[Problem, ...] = ()) -> str:
    own, person = context.service().own_account, context.actor()
    return render_template(
        "auth/account.html", problems=problems, wrong={p.field: p.message for p in problems},
        sessions=own.sessions(person), this=token_hash(_token()), named_by=NAMED_BY, left=own.codes_left(person),
        second=own.has_second_factor(person.account_id), held=_held(),
    )  # fmt: skip


def _held() -> list[str]:
    """The person's roles in words."""
    definition = context.current_definition()
    if definition is None:
        return []
    return [
        definition.role_name(one.role) + (f", {definition.listed_as(one.agency)}" if one.agency else "")
        for one in context.actor().memberships
    ]
