"""Who has read what: for those who look after information. They see that something was read, never what it says."""

from datetime import date, datetime, time, timedelta

from flask import Blueprint, render_template, request

from service.core.calendar import LONDON
from service.core.definitions import ProcessDefinition
from service.store import readlog
from service.store.readlog import Read
from service.web import context
from service.web.security import access

blueprint = Blueprint("reads", __name__, url_prefix="/reads")

KINDS = {
    "access": "Who may see it", "case": "Its page", "departure": "A departure", "document": "A document",
    "export": "A file taken away", "history": "Its history", "message": "A form to send", "record": "A record",
    "reads": "Who has read what", "register": "A register", "return": "A return", "task": "A task",
    "values": "Its values",
}  # fmt: skip
"""What was shown, by the ``shows`` of the view that showed it."""
LONGEST_NUMBER = 12
END_OF_DAYS = date(9000, 1, 1)
"""The calendar ends soon after: there may be no day behind the last."""


@blueprint.get("")
@access("governs information", shows="reads")
def index() -> str:
    """List reads, the last one first: by case, person and days if asked."""
    asked = {name: request.args.get(name, "").strip().replace("\0", "") for name in ("code", "who", "from", "until")}
    first, last = _day(asked["from"]), _day(asked["until"])
    wrong = {
        name: "Enter a day like 2026-03-31"
        for name, found in (("from", first), ("until", last))
        if asked[name] and found is None
    }
    with context.service().read() as db:
        found = readlog.search(
            db, context.actor(), code=asked["code"], who=asked["who"], since=_midnight(first),
            until=None if last is None else _midnight(last + timedelta(days=1)), before=_number(),
        )  # fmt: skip
    more = found[readlog.ON_A_PAGE - 1].number if len(found) > readlog.ON_A_PAGE else None
    definition = context.require_definition()
    rows = [(one, _what(definition, one), _roles(definition, one)) for one in found[: readlog.ON_A_PAGE]]
    return render_template("people/reads.html", rows=rows, asked=asked, wrong=wrong, more=more)


def _what(definition: ProcessDefinition, one: Read) -> str:
    """What was shown in words, with what it is called where the definition knows it."""
    named = one.object_id.split(" ")[0]
    document, form = definition.documents.get(named), definition.forms.get(named)
    title = document["title"] if document else form["title"] if form else ""
    return KINDS.get(one.kind, one.kind) + (f": {title}" if title and "{" not in str(title) else "")


def _roles(definition: ProcessDefinition, one: Read) -> str:
    return ", ".join(definition.role_name(role) for role in one.roles.split())


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found < END_OF_DAYS else None


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), LONDON)


def _number() -> int | None:
    text = request.args.get("before", "")
    return int(text) if text.isdecimal() and len(text) < LONGEST_NUMBER else None
