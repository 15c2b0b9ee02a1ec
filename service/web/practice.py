"""Practice sites only: moving the practice date forward, so that people can see what happens when time passes.

Elsewhere these addresses do not exist (404).
"""

from datetime import timedelta

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from service.web import context
from service.web.filters import british_date
from service.web.security import access

blueprint = Blueprint("practice", __name__, url_prefix="/practice")

STEPS = {"day": ("1 day", 1), "week": ("1 week", 7), "month": ("1 month (30 days)", 30)}
"""What can be chosen: value -> (label, days)."""


def _only_on_practice_sites() -> None:
    if not context.service().settings.practice:
        abort(404)


@blueprint.get("/date")
@access("signed in")
def clock() -> ResponseReturnValue:
    """Show the practice date and how far it can be moved."""
    _only_on_practice_sites()
    return _page()


@blueprint.post("/date")
@access("signed in")
def advance() -> ResponseReturnValue:
    """Move the practice date; whatever falls due on the way happens, in its order."""
    _only_on_practice_sites()
    chosen = STEPS.get(request.form.get("step", ""))
    if chosen is None:
        return _page(error="Select how far to move the date"), 422
    label, days = chosen
    moved_to = context.now() + timedelta(days=days)
    context.service().deployments.move_practice_clock(days)
    context.service().sweeper.sweep()
    context.tell("Date moved", f"The practice date has moved by {label.split(' (')[0]} to {british_date(moved_to)}.")
    return redirect(url_for("practice.clock"), 303)


def _page(error: str = "") -> str:
    choices = [{"value": value, "text": label} for value, (label, _) in STEPS.items()]
    return render_template("auth/practice_clock.html", choices=choices, error=error, key=context.new_key())
