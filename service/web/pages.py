"""Joins the pages to an application: templates, filters, security, errors and every blueprint.

``register(app)`` is all that ``service.app`` calls. Also serves the two pages that belong to no part: the home address
and the small stylesheet that carries the organisation's colour.
"""

from flask import Blueprint, Flask, Response, redirect, url_for
from jinja2 import ChoiceLoader, PackageLoader, PrefixLoader
from werkzeug.wrappers import Response as Answer

from service.web import (
    account,
    administering,
    admitting,
    audit,
    auth,
    cases,
    context,
    departures,
    documents,
    errors,
    filters,
    formlayout,
    incidents,
    practice,
    read_noting,
    reading_only,
    reads,
    registers,
    request_door,
    returns,
    security,
    sharing,
    studio,
    tasks,
    tending,
)
from service.web.security import access

LARGEST_FORM = 4_000_000
"""Most bytes of a form: a saved diagram is one; papers are never sent."""
MOST_FIELDS = 4000
"""Most fields one form may send."""

blueprint = Blueprint("pages", __name__)


def register(app: Flask, *, practice_mode: bool) -> None:
    """Put templates, security, error pages and all blueprints on ``app``."""
    _templates(app)
    formlayout.register(app)
    app.config.update(MAX_FORM_MEMORY_SIZE=LARGEST_FORM, MAX_FORM_PARTS=MOST_FIELDS)
    request_door.register(app)
    reading_only.register(app)
    security.register(app, practice=practice_mode)
    errors.register(app)
    read_noting.register(app)
    for part in (blueprint, auth.blueprint, practice.blueprint, tasks.blueprint, cases.blueprint):
        app.register_blueprint(part)
    for part in (admitting.blueprint, departures.blueprint, registers.blueprint):
        app.register_blueprint(part)
    for part in (account.blueprint, administering.blueprint, reads.blueprint):
        app.register_blueprint(part)
    for part in (documents.blueprint, returns.blueprint):
        app.register_blueprint(part)
    for part in (sharing.blueprint, tending.blueprint, incidents.blueprint, audit.blueprint, studio.blueprint):
        app.register_blueprint(part)


def _templates(app: Flask) -> None:
    own = app.jinja_loader
    library = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    app.jinja_loader = ChoiceLoader([own, library] if own else [library])
    app.jinja_env.filters.update(filters.FILTERS)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.context_processor(_given)


def _given() -> dict[str, object]:
    return {
        "site": context.site(),
        "actor": context.signed_in(),
        "cspNonce": context.nonce(),
        "at": context.now(),
        "told": context.told,
        "reading_only": reading_only.now(),
    }


@blueprint.get("/")
@access("public")
def home() -> Answer:
    """Lead people to their tasks, or to the sign-in page."""
    return redirect(url_for("tasks.index" if context.signed_in() else "auth.sign_in"), 303)


@blueprint.get("/brand.css")
@access("public")
def brand() -> Response:
    """Serve the organisation's colour as a stylesheet: the content security policy allows no inline styles."""
    colour = context.site().colour
    text = "#ffffff" if _contrast_with_white(colour) >= 4.5 else "#0b0c0c"
    css = f":root{{--app-brand:{colour};--app-brand-text:{text};--govuk-brand-colour:{colour}}}\n"
    return Response(css, mimetype="text/css")


def _contrast_with_white(colour: str) -> float:
    """Return the WCAG contrast ratio of white text on ``colour`` (``#rrggbb``)."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
