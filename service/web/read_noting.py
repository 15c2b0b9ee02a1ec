"""The door out: what a page shows of a case is written down before it leaves; if that fails, the page stays here.

Every view says with ``shows`` what it shows; a census holds every address to saying so, or to a reason why not.
"""

from flask import Flask, Response, current_app, g, request

from service.runtime import reading_noted
from service.web import context, errors

SHOWN = 200


def register(app: Flask) -> None:
    """Look at every answer of ``app``, before anything else is done to it."""
    app.after_request(_note)


def _note(answer: Response) -> Response:
    view = current_app.view_functions.get(request.endpoint or "")
    kind = getattr(view, "shows", None)
    if kind is None or request.method != "GET" or answer.status_code != SHOWN:
        return answer
    try:
        reading_noted.note(context.service(), context.actor(), kind, request.view_args or {})
    except Exception as cause:  # noqa: BLE001 - whatever stands in the way: nothing is shown unnoted
        g.pop("site", None)
        return current_app.make_response(errors.answer(errors.UNNOTED, cause=cause))
    return answer
