"""Texts with places to fill in: ``'{} of {}'.format(a, b)`` and ``'%s (%d)' % (a, b)``, and no more than that.

A place is a bare ``{}``, ``%s`` or ``%d``. Widths, names, attributes and every other form are refused: they can reach
into values or make a text of any length.
"""

import re

from service.core.expressions_functions import text_of
from service.core.expressions_values import ExprError, Run, written

_PERCENT = re.compile("%s|%d")
_ONE_FOR_EACH = "a text to fill in has one plain %s or %d for each value and no other %"


def braces(template: str, values: int) -> list[str]:
    """What stands around each ``{}``. ExprError unless there are as many as values, and no other brace."""
    pieces = template.split("{}")
    if any("{" in piece or "}" in piece for piece in pieces) or len(pieces) != values + 1:
        raise ExprError("a text to fill in has one plain {} for each value and no other braces")
    return pieces


def percents(template: str) -> tuple[list[str], list[str]]:
    """What stands around each ``%s`` and ``%d``, and these. ExprError if there is any other ``%``."""
    pieces = _PERCENT.split(template)
    if any("%" in piece for piece in pieces):
        raise ExprError(_ONE_FOR_EACH)
    return pieces, _PERCENT.findall(template)


def fill_braces(run: Run, template: str, *values: object) -> str:
    """The text with each ``{}`` filled by the next value. ExprError if there is any other brace, or another number."""
    written(run, len(template))
    pieces = braces(template, len(values))
    return _filled(run, pieces, values)


def fill_percent(run: Run, template: str, given: object) -> str:
    """The text with each ``%s`` and ``%d`` filled by the next value. ExprError if there is any other ``%``."""
    written(run, len(template))
    values = given if type(given) is tuple else (given,)
    pieces, places = percents(template)
    if len(places) != len(values):
        raise ExprError(_ONE_FOR_EACH)
    if any(place == "%d" and type(value) is not int for place, value in zip(places, values, strict=True)):
        raise ExprError("%d is filled by a whole number")
    return _filled(run, pieces, values)


def _filled(run: Run, pieces: list[str], values: tuple[object, ...]) -> str:
    run.step(len(pieces))
    texts = [text_of(run, value) for value in values]
    written(run, sum(map(len, pieces)) + sum(map(len, texts)))
    return "".join(piece + text for piece, text in zip(pieces, [*texts, ""], strict=True))
