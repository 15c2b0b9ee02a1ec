"""The door of pages over a database that can only be read: one notice on every page, and nothing that is sent is taken.

Signing in and out goes on, since nobody could look at anything otherwise.
"""

from flask import Flask, current_app, request

from service.core.errors import ReadingOnly
from service.runtime import reading_only
from service.web import context

KNOWN = "reading_only"
READS = frozenset({"GET", "HEAD", "OPTIONS"})
BESIDE_THE_CASES = frozenset({"auth"})
"""The blueprints that may be sent something all the same."""


def register(app: Flask) -> None:
    """Look at every request of ``app``."""
    app.before_request(_refuse)


def look(app: Flask) -> None:
    """Find out once whether the database can only be read; the first request does if nobody did before."""
    app.extensions[KNOWN] = reading_only.look(app.extensions["service"]) is not None


def now() -> bool:
    """Whether it can only be read, as far as that is known."""
    return bool(current_app.extensions.get(KNOWN))


def _refuse() -> None:
    if KNOWN not in current_app.extensions:
        current_app.extensions[KNOWN] = reading_only.look(context.service()) is not None
    if now() and request.method not in READS and request.blueprint not in BESIDE_THE_CASES:
        raise ReadingOnly
