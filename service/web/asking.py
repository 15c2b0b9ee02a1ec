"""A form on a page, asked and answered: the one way in which answers reach a task, a new case or a message.

Promises: a refusal shows the same form again with everything typed; a warning is only confirmed for the very answers
it was shown for; the idempotency key stays the same until the answers are taken.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import request

from service.core import departures, forms_filled, values
from service.core.definitions import ProcessDefinition
from service.core.departures import Given
from service.core.errors import BrokenRule, CaseSuspended, Defect, DepartureRefused, NeedsConfirmation, Problem
from service.core.forms import show
from service.core.forms_shape import is_blank
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
IF_MEANT = "If this is meant, give your reasons for departing from {clauses}"
Submit = Callable[[Mapping[str, object], str, bool, Given], Done]
"""Sends raw answers with the idempotency key; then, whether the warnings are confirmed, and what departs."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A form as a page shows it: what was typed, what is wrong, what must be confirmed (``confirm`` names what).

    ``stopped`` is the HTTP status where something other than the answers stood in the way, else 0. ``dropped`` is what
    was written about departures that the answers no longer make, as questions and words.
    """

    form: Mapping[str, Any]
    directories: Mapping[str, list[dict[str, Any]]]
    typed: Mapping[str, Any]
    key: str
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    confirm: str = ""
    stopped: int = 0
    dropped: tuple[tuple[str, Any], ...] = ()

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
    asked = _on_page(definition, form, names)
    reading = formdata.read(asked, request.form)
    page = Asked(asked, definition.directories, reading.typed, context.sent_key())
    if reading.action != "save":
        return page
    if formdata.has_strangers(asked, request.form):
        return replace(page, problems=(Problem("", STRANGER),))
    if reading.appeared:
        return replace(page, problems=reading.appeared)
    return _sent(page, schema(definition, form, names), reading.raw, submit)


def _sent(page: Asked, form: Mapping[str, Any], answers: Mapping[str, object], submit: Submit) -> Done | Asked:
    """Submit what was read of the form on ``page``, which may ask more than ``form`` does."""
    seen = values.sha256(values.compact(answers).encode())
    raw, said = departures.apart(form, answers)
    try:
        return submit(raw, page.key, request.form.get("confirm_warnings") == seen, said)
    except NeedsConfirmation as unusual:
        return replace(page, warnings=unusual.problems, confirm=seen)
    except DepartureRefused as refusal:
        return _departing(page, form, answers, refusal)
    except BrokenRule as refusal:
        return replace(page, problems=refusal.problems or (Problem("", refusal.message),))
    except CaseSuspended as held:
        return replace(page, problems=(Problem("", held.message),), stopped=409)
    except Defect as failure:
        told = NOT_FINISHED.format(reference=errors.incident(failure))
        return replace(page, problems=(Problem("", told),), stopped=500)


def with_draft(asked: Asked, kept: Mapping[str, Any]) -> Asked:
    """Return a form with half-written answers in it, and with its questions about departures where those have some."""
    return replace(asked, form=_with_questions(asked.form, kept), typed=kept)


def _departing(page: Asked, form: Mapping[str, Any], raw: Mapping[str, object], refusal: DepartureRefused) -> Asked:
    """Return the form again with the questions about the rules that hold, and only those."""
    _, said = departures.apart(form, raw)
    asking_why = (
        Problem(departures.name(one.rule, "reasons"), IF_MEANT.format(clauses=departures.clauses(one.clause)))
        for one in refusal.departures
        if one.rule not in said
    )
    holding = {one.rule for one in refusal.departures}
    gone = (one for rule, one in departures.rules_of(form).items() if rule in said and rule not in holding)
    written = {key: answer for key, answer in raw.items() if not is_blank(answer)}
    return replace(
        page,
        form=departures.with_questions(form, refusal.departures),
        problems=(*refusal.problems, *asking_why),
        dropped=tuple(show(departures.with_questions({}, gone), written, {})),
    )


def _on_page(definition: ProcessDefinition, form: str | None, names: Names) -> dict[str, Any]:
    """Return a form with the questions about departures that were on the page that was sent."""
    return _with_questions(schema(definition, form, names), request.form)


def _with_questions(form: Mapping[str, Any], sent: Container[str]) -> dict[str, Any]:
    found = departures.rules_of(form)
    return departures.with_questions(form, (o for r, o in found.items() if departures.name(r, "reasons") in sent))


def typed(definition: ProcessDefinition, form: str | None, names: Names) -> dict[str, Any]:
    """Return the request's answers exactly as they were typed."""
    return formdata.read(_on_page(definition, form, names), request.form).typed


def typed_in_words(definition: ProcessDefinition, form: str | None, names: Names) -> list[tuple[str, Any]]:
    """Return the request's answers as questions and words, for a page that could not take them."""
    asked = _on_page(definition, form, names)
    return list(show(asked, formdata.read(asked, request.form).raw, definition.directories))
