"""Reasons that people give for an act of their own: the one form that needs no deployment.

A reason is a record like any other: kept beside the step, committed to by a salted hash, of the access class
``reason``, which roles list among what they read.
"""

from collections.abc import Mapping
from typing import Any

from service.core.errors import FormRefused, Problem
from service.core.forms_door import clean_text

FORM = "_reason"
ADMITTING = "_admitting"
"""The same form for a reason why somebody may or may not know of a case: of a class of its own, ``access``."""
LONGEST = 2_000
SCHEMA: Mapping[str, Any] = {
    "title": "Reason",
    "access": "reason",
    "components": [{"type": "textarea", "key": "reason", "label": "Reason"}],
}


def answers(text: str) -> dict[str, object]:
    """What is kept of a reason. Raises ``FormRefused`` for none, one that is too long, or one that hides something."""
    try:
        cleaned = clean_text(text).strip()
    except ValueError as refusal:
        raise _refused(f"Reason {refusal}.") from refusal
    if not cleaned:
        raise _refused("Give a reason: it stays in the history.")
    if len(cleaned) > LONGEST:
        raise _refused(f"Reason must be {LONGEST:,} characters or fewer.")
    return {"reason": cleaned}


def schema(forms: Mapping[str, Any], form: str | None) -> Mapping[str, Any]:
    """Return a form of a definition by its key, the form of reasons, or one without questions."""
    if form == ADMITTING:
        return {**SCHEMA, "title": "Why somebody may or may not see this", "access": "access"}
    return SCHEMA if form == FORM else forms.get(form or "", {"components": []})


def _refused(message: str) -> FormRefused:
    return FormRefused(message, (Problem("reason", message),))
