"""What every request must be before a view sees it, and the one way in which JSON is read.

Promises: a request that HTTP calls malformed is refused and read no further (400, 411), and so is one that is longer
than its view takes (413) or meant for another host than the service's own (400); JSON is UTF-8, one object of
known names with plain values, no name twice, no number that is none, however deep or long what was sent.
"""

import json
from collections.abc import Collection, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, NoReturn

from flask import Flask, Response, current_app, request
from flask.globals import request_ctx
from werkzeug.exceptions import BadRequest, LengthRequired, UnsupportedMediaType

Network = IPv4Network | IPv6Network
ANYBODY4, ANYBODY6 = ip_network("0.0.0.0/0"), ip_network("::/0")
NO_OBJECT = "A file is sent as a JSON object."
PLAIN = 64_000
"""Bytes a request may have unless its view takes more: a page with a few fields and a reason needs a tenth of it."""
LONG = 4_000_000
"""Bytes of a form in which people write at length, and of a diagram."""


def register(app: Flask) -> None:
    """Look at every request of ``app`` first of all."""
    app.before_request(_well_formed)


def _well_formed() -> Response | None:
    view = current_app.view_functions.get(request.endpoint or "")
    request.max_content_length = getattr(view, "takes", PLAIN)
    if request_ctx.url_adapter is None:  # a host that cannot be one: without it no page can name an address
        return Response("The host that this request names cannot be understood.", 400, mimetype="text/plain")
    if request.environ.get("HTTP_HOST") is None and request.environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
        raise BadRequest("RFC 9112, 3.2: a request names the host it is for.")
    if "HTTP_TRANSFER_ENCODING" in request.environ:
        # No browser sends one, and a body in chunks fails in the server's reader, after the view has begun.
        raise LengthRequired("RFC 9112, 6.3: say how long the body is.")
    if None in request.form:  # a part may have no name, but then nothing can ask for it
        raise BadRequest("RFC 7578, 4.2: every part of a form has a name.")
    return None


def client_address() -> str:
    """The network address a request comes from: what a proxy says counts only if it is one of ours.

    Read from the last hop backwards, so that what the client itself wrote into the header is never believed.
    """
    proxies = current_app.config["PROXIES"]
    peer = request.remote_addr or ""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    while hops and _is_ours(peer, proxies) and _is_ours(hops[-1], (ANYBODY4, ANYBODY6)):
        peer = hops.pop()
    return peer


def _is_ours(address: str, networks: Iterable[Network]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)


def read_json(known: Collection[str]) -> dict[str, str]:
    """Return the request's JSON object as texts; a name of ``known`` that was not sent is the empty text.

    Raises ``BadRequest`` for anything else, ``UnsupportedMediaType`` for what does not say that it is JSON.
    """
    if not request.is_json:
        raise UnsupportedMediaType
    try:
        body = json.loads(request.get_data().decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):  # brackets thousands deep, digits by the thousand, half a character
        body = None
    if not isinstance(body, dict) or not set(body) <= set(known):
        raise BadRequest(NO_OBJECT)
    return {name: _text(body.get(name, "")) for name in known}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _text(value: object) -> str:
    """A text, or a whole number as one. JSON may name half a character: no file can hold it."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadRequest(NO_OBJECT)
    text = str(value)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadRequest("A file is sent as text.")
    return text
