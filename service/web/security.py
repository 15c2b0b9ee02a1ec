"""Who may open which page, and what every answer says to the browser.

Promises: every route names its access rule, a route without one is refused; the session cookie is a random token kept
hashed in the database; every POST carries a CSRF token; no page is stored, framed, sniffed or tells where people were.
"""

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, Response, current_app, g, redirect, request, url_for
from flask_wtf import CSRFProtect
from werkzeug.exceptions import BadRequest, Forbidden, InternalServerError, NotFound
from werkzeug.wrappers import Response as Answer

from service.core.access import Actor
from service.web import context
from service.web.request_door import PLAIN

View = TypeVar("View", bound=Callable[..., object])
Rule = Callable[[Actor | None], bool]

RULES: dict[str, Rule] = {
    "public": lambda person: True,
    "practice": lambda person: context.service().settings.practice,
    "signed in": lambda person: person is not None,
    "edits processes": lambda person: context.has_flag(person, context.current_definition(), "edits_processes"),
    "administers": lambda person: context.has_flag(person, context.current_definition(), "administers"),
    "governs information": lambda person: context.has_flag(
        person, context.current_definition(), "governs_information"
    ),
    "audits": lambda person: context.has_flag(person, context.current_definition(), "audits"),
    "operates": lambda person: context.has_flag(person, context.current_definition(), "operates"),
}
"""Every access rule a route may name. ``practice``: anybody, on a practice site only."""

NOT_SENT = (
    "What you sent was not saved. Sign in, then use the Back button of your browser: it may still have what you typed."
)
WITHOUT_PERSON = frozenset({"public", "practice"})


def access(rule: str, *, takes: int = PLAIN, shows: str | None = None) -> Callable[[View], View]:
    """Name the rule of a view, ``@access("signed in")``, and how many bytes its requests may have.

    ``shows`` says what kind of thing a view shows that people wrote, or that tells of a case: each time it does is
    written down (see ``read_noting``). An unknown rule is an error at import.
    """
    if rule not in RULES:
        raise ValueError(f"No access rule is called {rule!r}; there are: {', '.join(RULES)}.")

    def mark(view: View) -> View:
        view.access = rule  # type: ignore[attr-defined]
        view.takes = takes  # type: ignore[attr-defined]
        view.shows = shows  # type: ignore[attr-defined]
        return view

    return mark


def register(app: Flask, *, practice: bool) -> None:
    """Put the session, the access rules, CSRF and the headers on every request of ``app``."""
    app.config.update(
        SESSION_COOKIE_NAME="page" if practice else "__Host-page",
        SESSION_COOKIE_SECURE=not practice,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as the session: a long form is never lost to a timer
        WTF_CSRF_SSL_STRICT=False,  # it asks for a Referer, which our own policy withholds; see _own_site
    )
    static = app.view_functions.get("static")
    if static is not None:
        access("public")(static)
    app.before_request(_refuse_nul)
    app.before_request(_begin)
    app.before_request(_own_site)
    app.teardown_request(_end)
    app.before_request(_let_in)
    CSRFProtect(app)
    app.after_request(_headers)


def cookie_name() -> str:
    """Return the name of the session cookie: bound to this host by its prefix outside practice mode."""
    return "signed_in" if context.service().settings.practice else "__Host-signed_in"


def keep_token(answer: Answer, token: str) -> None:
    """Give the browser its session token; it ends with the browser session, the database ends it sooner."""
    secure = not context.service().settings.practice
    answer.set_cookie(cookie_name(), token, httponly=True, samesite="Lax", secure=secure, path="/")


def forget_token(answer: Answer) -> None:
    """Take the session token from the browser."""
    secure = not context.service().settings.practice
    answer.delete_cookie(cookie_name(), httponly=True, samesite="Lax", secure=secure, path="/")


def _refuse_nul() -> None:
    """An address with a NUL names nothing; one database would look for it in vain, the other refuses to look."""
    if "\0" in request.path:
        raise NotFound


def _begin() -> None:
    g.actor = None
    token = request.cookies.get(cookie_name(), "")
    if token and request.endpoint != "static":
        g.actor = context.service().entrance.actor(token)
    if g.actor is not None:
        g.read = context.service().reading_for(g.actor.account_id)


def _end(_failure: BaseException | None) -> None:
    """Whoever's request comes next in this process is not the same person."""
    if "read" in g:
        g.pop("read")()


def _own_site() -> None:
    """Refuse a change that a page of another site sends; browsers say so in Sec-Fetch-Site, older ones in Origin.

    Our own forms say ``null`` there, because our pages tell nobody where people were.
    """
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    elsewhere = request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}
    origin = request.headers.get("Origin", "null")
    if elsewhere or (origin != "null" and origin.partition("://")[2] != request.host):
        raise BadRequest("This request came from another site.")


def _let_in() -> Answer | None:
    if request.endpoint is None:
        return None
    rule = getattr(current_app.view_functions[request.endpoint], "access", None)
    if rule is None:
        raise InternalServerError("This page has no access rule.")
    if RULES[rule](context.signed_in()):
        return None
    if rule in WITHOUT_PERSON:
        raise NotFound
    if context.signed_in() is None:
        return _ask_to_sign_in()
    raise Forbidden


def _ask_to_sign_in() -> Answer:
    """Lead to the sign-in page and from there back here, if this address can be opened."""
    if request.method not in {"GET", "HEAD"}:
        context.tell("You have been signed out", NOT_SENT, kind="important")
    adapter = current_app.create_url_adapter(request)
    can_be_opened = adapter is not None and adapter.test(request.path, "GET")
    onward = request.full_path.rstrip("?") if can_be_opened else None
    return redirect(url_for("auth.sign_in", next=onward), 303)


def _headers(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = _policy()
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    answer.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    if request.endpoint != "static":
        answer.headers["Cache-Control"] = "no-store"
    if not context.service().settings.practice:
        answer.headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return answer


def _policy() -> str:
    """Return the content security policy; ``g.csp_style_attr`` lets one page's editor set style attributes."""
    style_attributes = "; style-src-attr 'unsafe-inline'" if g.get("csp_style_attr") else ""
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{context.nonce()}'; style-src 'self'{style_attributes}; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
