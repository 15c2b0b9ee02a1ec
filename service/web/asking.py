"""A form on a page, asked and answered: the one way in which answers reach a task, a new case or a message.

Promises: a refusal shows the same form again with everything typed; a warning is only confirmed for the very answers
it was shown for; the idempotency key stays the same until the answers are taken.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import request

from service.core import forms_filled, values
from service.core.definitions import ProcessDefinition
from service.core.errors import BrokenRule, CaseSuspended, Defect, NeedsConfirmation, Problem
from service.core.forms import show
from service.runtime.answering import Done
from service.web import context, errors, formdata

STRANGER = (
    "This page was sent with something that it does not ask for, so nothing was saved. "
    "Check your answers below and send them again"
)
NOT_FINISHED = (
    "This step could not be finished, through no fault of yours. Nothing has changed. The people who look after the "
    "service have been told; if you ask them, give the reference {reference}."
)
Names = Mapping[str, Any]
"""What texts and choices of a form are filled from: variables and clocks of the case; empty where there is none yet."""
Submit = Callable[[Mapping[str, object], str, bool], Done]
"""Sends raw answers with the idempotency key; the third argument says that the warnings are confirmed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A form as a page shows it: what was typed, what is wrong, what must be confirmed (``confirm`` names what).

    ``stopped`` is the HTTP status where something other than the answers stood in the way, else 0.
    """

    form: Mapping[str, Any]
    directories: Mapping[str, list[dict[str, Any]]]
    typed: Mapping[str, Any]
    key: str
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    confirm: str = ""
    stopped: int = 0

    @property
    def status(self) -> int:
        """200, or 422 while something stands in the way of the answers."""
        return self.stopped or (422 if self.problems or self.warnings else 200)


def blank(definition: ProcessDefinition, form: str | None, names: Names) -> Asked:
    """Return the form with nothing typed, for a case with these names; a task without a form asks nothing."""
    return Asked(schema(definition, form, names), definition.directories, {}, context.new_key())


def schema(definition: ProcessDefinition, form: str | None, names: Names) -> Mapping[str, Any]:
    """Return a form by its key, that of reasons, or one without questions, filled for a case with these names."""
    return forms_filled.asked(definition, form, names)


def take(definition: ProcessDefinition, form: str | None, names: Names, submit: Submit) -> Done | Asked:
    """Read the request's answers and submit them; return what was done, or the form to show again.

    Refusals that are not about the answers pass through, save those after which the same answers may be sent again.
    """
    asked = schema(definition, form, names)
    reading = formdata.read(asked, request.form)
    page = Asked(asked, definition.directories, reading.typed, context.sent_key())
    if reading.action != "save":
        return page
    if formdata.has_strangers(asked, request.form):
        return replace(page, problems=(Problem("", STRANGER),))
    if reading.appeared:
        return replace(page, problems=reading.appeared)
    seen = values.sha256(values.compact(reading.raw).encode())
    try:
        return submit(reading.raw, page.key, request.form.get("confirm_warnings") == seen)
    except NeedsConfirmation as unusual:
        return replace(page, warnings=unusual.problems, confirm=seen)
    except BrokenRule as refusal:
        return replace(page, problems=refusal.problems or (Problem("", refusal.message),))
    except CaseSuspended as held:
        return replace(page, problems=(Problem("", held.message),), stopped=409)
    except Defect as failure:
        told = NOT_FINISHED.format(reference=errors.incident(failure))
        return replace(page, problems=(Problem("", told),), stopped=500)


def typed(definition: ProcessDefinition, form: str | None, names: Names) -> dict[str, Any]:
    """Return the request's answers exactly as they were typed."""
    return formdata.read(schema(definition, form, names), request.form).typed


def typed_in_words(definition: ProcessDefinition, form: str | None, names: Names) -> list[tuple[str, Any]]:
    """Return the request's answers as questions and words, for a page that could not take them."""
    asked = schema(definition, form, names)
    return list(show(asked, formdata.read(asked, request.form).raw, definition.directories))
