"""What a view is given for the length of one request: the service, the person, the present instant, the site's names.

Everything the pages call by name (organisation, title, the word for a case) comes from the current definition's
deployment data; nothing is named here.
"""

import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app, g, request, session, url_for

from service.core.access import Actor
from service.core.definitions import ProcessDefinition
from service.core.errors import KeyMissing, NotFound
from service.runtime.documents import everywhere, offered
from service.runtime.service import Service
from service.store import people
from service.web.filters import upper_first

COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
DEFAULT_COLOUR = "#1d4f60"


@dataclass(frozen=True, slots=True)
class Site:
    """The names and facts every page shows; ``now`` is the service's instant, moved on practice sites."""

    title: str
    organisation: str
    case_word: str
    case_words: str
    colour: str
    practice: bool
    now: datetime | None
    navigation: tuple[dict[str, object], ...]


BARE = Site("Service", "Service", "case", "cases", DEFAULT_COLOUR, practice=False, now=None, navigation=())


def service() -> Service:
    """Return the service this application serves."""
    return cast("Service", current_app.extensions["service"])


def now() -> datetime:
    """Return the present as cases see it (aware, UTC): read once, the same for the whole page."""
    if "now" not in g:
        g.now = service().now()
    return cast("datetime", g.now)


def nonce() -> str:
    """Return the nonce of this answer's content security policy, for the one inline script of the frame."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return cast("str", g.nonce)


def signed_in() -> Actor | None:
    """Return the person who makes this request, or None."""
    return cast("Actor | None", g.get("actor"))


def actor() -> Actor:
    """Return the person who makes this request; only for views whose access rule asks for one."""
    person = signed_in()
    if person is None:
        raise NotFound("Nobody is signed in.")
    return person


def current_definition() -> ProcessDefinition | None:
    """Return the definition new cases start on, or None before the first deployment."""
    if "definition" not in g:
        with service().read() as db:
            row = people.current_definition(db)
            g.definition = service().definitions.load(db, row.hash) if row else None
    return cast("ProcessDefinition | None", g.definition)


def require_definition() -> ProcessDefinition:
    """Return the current definition; NotFound before the first deployment."""
    definition = current_definition()
    if definition is None:
        raise NotFound("Nothing has been deployed yet.")
    return definition


def has_flag(person: Actor | None, definition: ProcessDefinition | None, flag: str) -> bool:
    """True if one of the person's roles carries ``flag`` (such as ``audits``) in the definition."""
    if person is None or definition is None:
        return False
    return any(bool(definition.roles.get(role, {}).get(flag)) for role in person.roles)


def new_key() -> str:
    """Return a fresh idempotency key for a form; sent back with the answers, so a second click changes nothing."""
    return str(uuid.uuid4())


def sent_key() -> str:
    """Return the idempotency key that came with this form. Raises ``KeyMissing`` when there is none of ours."""
    try:
        return str(uuid.UUID(request.form.get("key", "")))
    except ValueError:
        raise KeyMissing("This request came without the key that tells a repeat from something new.") from None


def tell(title: str, text: str, *, kind: str = "success") -> None:
    """Keep a sentence for the top of the next page this person sees; ``kind`` is ``success`` or ``important``."""
    session["told"] = [title, text, kind]


def told() -> list[str] | None:
    """Return and forget what :func:`tell` kept: [title, text, kind]."""
    return cast("list[str] | None", session.pop("told", None))


def site() -> Site:
    """Return the names this page shows, from the current definition's deployment data."""
    if "site" not in g:
        g.site = _site()
    return cast("Site", g.site)


def _site() -> Site:
    definition = current_definition()
    names = definition.deployment if definition else {}
    word = str(names.get("case_word") or BARE.case_word)
    words = str(names.get("case_words") or f"{word}s")
    colour = str(names.get("colour") or "")
    return Site(
        title=str(names.get("title") or BARE.title),
        organisation=str(names.get("organisation") or BARE.organisation),
        case_word=word,
        case_words=words,
        colour=colour if COLOUR.fullmatch(colour) else DEFAULT_COLOUR,
        practice=service().settings.practice,
        now=now(),
        navigation=tuple(_navigation(definition, words)),
    )


def _navigation(definition: ProcessDefinition | None, case_words: str) -> list[dict[str, object]]:
    person = signed_in()
    if person is None:
        return []
    links = [("Tasks", "tasks.index", "tasks"), (upper_first(case_words), "cases.index", "cases")]
    if definition is not None and offered(definition, everywhere(person), "all cases"):
        links.append(("Returns", "returns.choose", "returns"))
    if has_flag(person, definition, "audits"):
        links.append(("History", "audit.index", "audit"))
    if has_flag(person, definition, "administers"):
        links.append(("People", "people.index", "people"))
    if has_flag(person, definition, "governs_information"):
        links.append(("Reads", "reads.index", "reads"))
    if has_flag(person, definition, "operates"):
        links.append(("Incidents", "incidents.index", "incidents"))
    if has_flag(person, definition, "edits_processes"):
        links.append(("Processes", "studio.index", "studio"))
    known = [link for link in links if link[1] in current_app.view_functions]
    return [
        {"text": text, "href": url_for(endpoint), "active": request.blueprint == blueprint}
        for text, endpoint, blueprint in known
    ]
