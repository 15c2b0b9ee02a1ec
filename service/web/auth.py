"""Signing in and out.

Promises: a failed try never says which part was wrong; the session token is new at every sign-in, new again with the
second factor, and dead after signing out; on a practice site the accounts are listed with their roles, nowhere else;
what is asked of the organisation's provider is kept in the signed cookie of the browser that asked, until it is back.
"""

from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from flask import Blueprint, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from service.core.definitions import ProcessDefinition
from service.core.errors import BrokenRule, NotFound, Rejection
from service.runtime.entering_by_provider import ProviderEntrance
from service.runtime.failed_tries import TooManyTries
from service.runtime.practice import PASSWORD
from service.runtime.provider import Begun
from service.store import people
from service.store.rows import AccountRow
from service.web import context, security
from service.web.request_door import client_address
from service.web.security import access

blueprint = Blueprint("auth", __name__)


@dataclass(frozen=True, slots=True)
class PracticeAccount:
    """An account anybody may use on a practice site: its roles in words, and what somebody in the first one does."""

    name: str
    email: str
    roles: tuple[str, ...]
    does: str


@blueprint.get("/sign-in")
@access("public")
def sign_in() -> ResponseReturnValue:
    """Show the sign-in page; people who are signed in are led on."""
    if context.signed_in():
        return redirect(_onward(request.args.get("next")), 303)
    return _page()


@blueprint.post("/sign-in")
@access("public")
def open_session() -> ResponseReturnValue:
    """Check e-mail address and password; 303 to what comes next, or the same page again with 422 or 429."""
    email = request.form.get("email", "").strip()
    password = request.form.get("password", "")
    missing = _missing(email, password)
    if missing:
        return _page(email, missing), 422
    try:
        token = context.service().entrance.sign_in(email, password, client_address())
    except Rejection as refusal:
        return _page(email, {"email": refusal.message}), _status(refusal)
    session.clear()
    whole = context.service().entrance.half(token) is None
    wanted = request.form.get("next")
    onward = _onward(wanted) if whole else url_for("auth.second", next=_inside(wanted))
    answer = make_response(redirect(onward, 303))
    security.keep_token(answer, token)
    return answer


@blueprint.get("/sign-in/provider")
@access("public")
def to_provider() -> ResponseReturnValue:
    """Send the browser to the organisation's provider; 404 where there is none, 422 if it does not answer."""
    door = _provider_door()
    try:
        address, begun = door.begin()
    except Rejection as refusal:
        return render_template("auth/provider.html", message=refusal.message), _status(refusal)
    session["begun"] = [asdict(begun), _inside(request.args.get("next"))]
    return redirect(address, 303)


@blueprint.get("/sign-in/provider/back")
@access("public")
def from_provider() -> ResponseReturnValue:
    """Sign in whoever the provider sent back; 303 to what they wanted, or a page that says why not."""
    door = _provider_door()
    kept, wanted = session.pop("begun", None) or (None, None)
    begun = None if kept is None else Begun(**kept)
    try:
        token = door.enter(begun, request.args.to_dict(), client_address(), _token() or None)
    except Rejection as refusal:
        return render_template("auth/provider.html", message=refusal.message), _status(refusal)
    session.clear()
    answer = make_response(redirect(_onward(wanted), 303))
    security.keep_token(answer, token)
    return answer


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
@access("public")
def second() -> ResponseReturnValue:
    """Ask for the code of the second factor; somebody who has none yet is led to set it up."""
    half = _half()
    if half is None:
        return redirect(url_for("auth.sign_in", next=_inside(request.values.get("next"))), 303)
    if not context.service().own_account.has_second_factor(half):
        return redirect(url_for("auth.set_up", next=_inside(request.values.get("next"))), 303)
    if request.method == "GET":
        return _asks_code("auth/second.html")
    try:
        token = context.service().entrance.complete(_token(), request.form.get("code", ""))
    except Rejection as refusal:
        return _asks_code("auth/second.html", refusal.message), _status(refusal)
    answer = make_response(redirect(_onward(request.form.get("next")), 303))
    security.keep_token(answer, token)
    return answer


@blueprint.route("/sign-in/set-up", methods=["GET", "POST"])
@access("public")
def set_up() -> ResponseReturnValue:
    """Show the secret to give to an app, and take it into use with its first code; then show the recovery codes."""
    half = _half()
    if half is None or context.service().own_account.has_second_factor(half):
        return redirect(url_for("auth.second", next=_inside(request.values.get("next"))), 303)
    own = context.service().own_account
    shown = own.begin_second_factor(half, context.site().title)
    if request.method == "GET":
        return _asks_code("auth/set_up.html", secret=shown)
    try:
        token, codes = own.confirm_second_factor(half, _token(), request.form.get("code", ""))
    except Rejection as refusal:
        return _asks_code("auth/set_up.html", refusal.message, secret=shown), _status(refusal)
    answer = make_response(render_template("auth/codes.html", codes=codes, onward=_onward(request.form.get("next"))))
    security.keep_token(answer, token)
    return answer


@blueprint.route("/invitation/<token>", methods=["GET", "POST"])
@access("public")
def invitation(token: str) -> ResponseReturnValue:
    """Let who was invited choose a password. 404 for an invitation that is used, over, or none."""
    people_ = context.service().administration
    name = people_.invited(token)
    if request.method == "GET":
        return render_template("auth/invitation.html", name=name, error="")
    try:
        people_.accept(token, request.form.get("password", ""))
    except BrokenRule as refusal:
        return render_template("auth/invitation.html", name=name, error=refusal.message), 422
    context.tell("Password kept", "Sign in with your email address and your new password.")
    return redirect(url_for("auth.sign_in"), 303)


@blueprint.post("/sign-out")
@access("public")
def sign_out() -> ResponseReturnValue:
    """End the session here and in the database, and clear what the browser kept."""
    token = request.cookies.get(security.cookie_name())
    if token:
        context.service().entrance.sign_out(token)
    session.clear()
    context.tell("Signed out", "You have signed out.")
    answer = make_response(redirect(url_for("auth.sign_in"), 303))
    security.forget_token(answer)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def _provider_door() -> ProviderEntrance:
    door = context.service().provider_entrance
    if door is None:
        raise NotFound("Nobody signs in here with their organisation's account.")
    return door


def _token() -> str:
    return request.cookies.get(security.cookie_name(), "")


def _half() -> str | None:
    return context.service().entrance.half(_token()) if _token() else None


def _status(refusal: Rejection) -> int:
    return 429 if isinstance(refusal, TooManyTries) else 422


def _asks_code(template: str, error: str = "", **given: object) -> str:
    return render_template(template, error=error, onward=request.values.get("next", ""), **given)


def _missing(email: str, password: str) -> dict[str, str]:
    found = {
        "email": "" if email else "Enter your email address",
        "password": "" if password else "Enter your password",
    }
    return {key: message for key, message in found.items() if message}


def _page(email: str = "", errors: dict[str, str] | None = None) -> str:
    return render_template(
        "auth/sign_in.html",
        email=email,
        errors=errors or {},
        onward=request.values.get("next", ""),
        accounts=_practice_accounts(),
        practice_password=PASSWORD,
        provider=context.service().provider is not None,
    )


def _practice_accounts() -> list[PracticeAccount]:
    """Return the accounts anybody may use, with their roles in words; none outside practice mode."""
    definition = context.current_definition()
    if definition is None or not context.service().settings.practice:
        return []
    with context.service().read() as db:
        rows = people.practice_accounts(db)
    order = list(definition.roles)
    rows.sort(key=lambda row: _rank(order, row))
    return [_account(definition, row) for row in rows]


def _rank(order: list[str], row: AccountRow) -> tuple[bool, int]:
    """People of the partnership first, in the order the roles are declared; those of agencies after them."""
    of_agency = any(agency is not None for _, agency in row.roles)
    return of_agency, min((order.index(role) for role, _ in row.roles if role in order), default=len(order))


def _account(definition: ProcessDefinition, row: AccountRow) -> PracticeAccount:
    roles = tuple(dict.fromkeys(definition.role_name(role) for role, _ in row.roles))
    does = definition.roles.get(row.roles[0][0], {}).get("description", "") if len(roles) == 1 else ""
    return PracticeAccount(row.name, row.email, roles, str(does))


def _onward(path: str | None) -> str:
    """Return ``path`` if it is an address of this site, else the start page."""
    return _inside(path) or url_for("pages.home")


def _inside(path: str | None) -> str | None:
    """Return ``path`` if it is an address of this site."""
    # Browsers drop tabs and line ends from an address, so what begins with "/" may still lead elsewhere.
    inside = (
        path
        and path.isprintable()
        and path.startswith("/")
        and not path.startswith(("//", "/\\"))
        and not urlsplit(path).netloc
    )
    return path if path and inside and "\\" not in path else None
