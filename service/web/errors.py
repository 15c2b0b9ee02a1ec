"""One table: why a request was refused -> what the browser is answered.

Every page says in plain words what happened and what to do next, with a reference that is also in the log.
No page shows a stack trace, an element id or anything a person typed. A program that asks for JSON gets the same as
a problem detail (RFC 9457).
"""

import logging
import secrets
from dataclasses import dataclass

from flask import Flask, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from service.core import errors as core
from service.store.outages import will_pass
from service.web import context

log = logging.getLogger(__name__)
JSON = ("application/json", "application/problem+json")


@dataclass(frozen=True, slots=True)
class Page:
    """An answer: HTTP status, heading, paragraphs of what to do; ``says`` puts the refusal's own sentence first."""

    status: int
    title: str
    advice: tuple[str, ...]
    says: bool = False


MISSING = Page(
    404,
    "Page not found",
    (
        "If you typed the address, check it is correct. If you followed a link, what it led to may be closed.",
        "You only see what you take part in. If you think you should see this, ask the person who coordinates it.",
    ),
)
FORBIDDEN = Page(403, "You cannot do this", ("Your role does not allow it. Ask the person who coordinates this work.",))
STALE = Page(
    400,
    "This page can no longer be sent",
    (
        "You may have signed out, or signed in again, since you opened it. Nothing was saved.",
        "Go back, copy anything you typed, reload the page and send it again.",
    ),
)
BROKEN = Page(
    500,
    "Sorry, there is a problem with the service",
    (
        "Nothing you sent was half saved: it was either kept whole or not at all.",
        "Try again in a few minutes. If it happens again, ask for help and give the reference below.",
    ),
)

AWAY = Page(
    503,
    "The service cannot be used for a moment",
    ("Nothing you sent was half saved: it was either kept whole or not at all.", "Try again in a minute."),
)

UNNOTED = Page(
    503,
    "This cannot be shown for a moment",
    (
        "Whoever reads something here is written down. That could not be kept just now, so nothing is shown.",
        "Try again in a minute.",
    ),
)

BY_REFUSAL: dict[type[Exception], Page] = {
    core.NotFound: MISSING,
    core.NotAllowed: Page(403, "You cannot do this", FORBIDDEN.advice, says=True),
    core.TaskHeld: Page(
        409, "Somebody else is doing this task", ("Ask them to release it if you should do it.",), says=True
    ),
    core.TaskClosed: Page(409, "This task is already closed", ("Nothing you sent was saved.",), says=True),
    core.NotWaiting: Page(
        409, "This cannot be sent now", ("Nothing was saved. Look at where things stand now.",), says=True
    ),
    core.DocumentNotReady: Page(409, "This document cannot be made yet", (), says=True),
    core.DocumentBroken: Page(
        500, "This document cannot be made", ("Tell the process owner: the document has to be mended.",), says=True
    ),
    core.NothingToDo: Page(
        409, "There is nothing to change", ("Nothing was saved, because nothing would be different.",), says=True
    ),
    core.SeveralWaiting: Page(409, "Say which this is about", ("Nothing was saved.",), says=True),
    core.CaseSuspended: Page(
        409, "This is on hold", ("Nothing was saved. The people who put it on hold can let it go on.",), says=True
    ),
    core.CaseEnded: Page(409, "This has ended", ("Nothing was saved.",), says=True),
    core.ReadingOnly: Page(
        409,
        "This service can only be read at present",
        (
            "Nothing you sent was saved. Copy anything you typed and keep it.",
            "The people who look after the service know, and say when work can go on.",
        ),
    ),
    core.KeyMissing: Page(
        400,
        "This page can no longer be sent",
        ("Nothing was saved. Go back, copy anything you typed, reload the page and send it again.",),
    ),
    core.KeyReused: Page(
        422,
        "You have already sent this page",
        (
            "What you sent first was saved. What you sent now is different, and was not saved.",
            "Start again from your tasks if you need to add something.",
        ),
    ),
    core.BrokenRule: Page(422, "This was refused", ("Nothing was saved.",), says=True),
    core.Defect: Page(
        500,
        "Sorry, this step could not be finished",
        (
            "Nothing has changed, and what you sent was not saved.",
            "The people who look after the service have been told. Give them the reference below.",
        ),
    ),
    CSRFError: STALE,
}
"""The most special class wins: a subclass not named here is answered like its parent."""

BY_STATUS: dict[int, Page] = {
    400: Page(400, "This request could not be understood", ("Nothing was saved. Go back and try again.",)),
    401: FORBIDDEN,
    403: FORBIDDEN,
    404: MISSING,
    405: Page(405, "This page cannot be opened like that", ("Nothing was changed. Start again from your tasks.",)),
    413: Page(
        413,
        "What you sent is too large",
        ("Nothing was saved. Shorten what you wrote, and keep long papers as documents.",),
    ),
    415: Page(415, "This kind of content is not accepted", ("Nothing was saved.",)),
    429: Page(429, "Too many tries", ("Wait a few minutes, then try again.",)),
    500: BROKEN,
}


def register(app: Flask) -> None:
    """Answer every refusal and every unforeseen error of ``app`` with a page."""
    app.register_error_handler(core.Rejection, _refused)
    app.register_error_handler(core.Defect, _refused)
    app.register_error_handler(CSRFError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(SQLAlchemyError, _failed)
    app.register_error_handler(Exception, _unforeseen)


def page_for(refusal: Exception) -> Page:
    """Return the page of a refusal: that of its nearest class in the table."""
    for kind in type(refusal).__mro__:
        if kind in BY_REFUSAL:
            return BY_REFUSAL[kind]
    return BROKEN


def answer(
    page: Page, said: str = "", cause: Exception | None = None, reference: str | None = None
) -> ResponseReturnValue:
    """Draw ``page`` with ``reference`` (a fresh one if none is given), and log the reference with the cause."""
    reference = reference or "-".join(secrets.token_hex(2).upper() for _ in range(2))
    fields = {"action": "page_refused", "reference": reference, "status": page.status, "kind": type(cause).__name__}
    if page.status >= BROKEN.status:
        log.error("A page failed.", exc_info=cause, extra=fields)
        g.site, g.now = context.BARE, None  # whatever failed may be what names and time are read from
    else:
        log.info("A page was refused.", extra=fields)
    if _wants_json():
        return _problem(page, said if page.says else "", reference)
    html = render_template("errors/page.html", page=page, said=said if page.says else "", reference=reference)
    return make_response(html, page.status)


def _wants_json() -> bool:
    """Whether a program asks, not a browser: it names JSON first among what it takes."""
    return request.accept_mimetypes.best_match(["text/html", *JSON]) in JSON


def _problem(page: Page, said: str, reference: str) -> ResponseReturnValue:
    """The same answer for a program (RFC 9457): ``title``, ``status``, ``detail`` and ``instance``, the reference."""
    detail = " ".join(filter(None, (said, *page.advice)))
    body = {"type": "about:blank", "title": page.title, "status": page.status, "detail": detail}
    reply = make_response({**body, "instance": f"urn:reference:{reference}"}, page.status)
    reply.content_type = "application/problem+json"
    return reply


def _refused(refusal: Exception) -> ResponseReturnValue:
    reference = incident(refusal) if isinstance(refusal, core.Defect) else None
    return answer(page_for(refusal), str(refusal), refusal, reference)


def incident(defect: core.Defect) -> str:
    """Keep a defect met on a page as an incident of its case, after all of the step was undone; its reference."""
    return context.service().incidents.record(defect, instance_id=defect.instance_id, actor=context.signed_in())


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or BROKEN.status
    if status < BY_STATUS[400].status:
        return error
    page = BY_STATUS.get(status) or (BROKEN if status >= BROKEN.status else BY_STATUS[400])
    reply = make_response(answer(page, cause=error))
    reply.status_code = status
    for name, value in error.get_headers():
        if name == "Allow":
            reply.headers[name] = value
    return reply


def _failed(error: SQLAlchemyError) -> ResponseReturnValue:
    """A database that restarts, is full or busy will be back, so say when to come again; any other fault is ours."""
    if not will_pass(error):
        return _unforeseen(error)
    reply = make_response(answer(AWAY, cause=error))
    reply.headers["Retry-After"] = "30"
    return reply


def _unforeseen(error: Exception) -> ResponseReturnValue:
    return answer(BROKEN, cause=error)
