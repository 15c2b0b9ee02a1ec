"""A reason, and whatever else a short page of our own asks: read, judged by the use case, and shown again as typed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import request

from service.core.errors import BrokenRule, NothingToDo, Problem
from service.web import context


@dataclass(frozen=True, slots=True)
class Request:
    """What such a page shows: the idempotency key, what was typed by field, and what is wrong with it."""

    key: str
    typed: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    @property
    def status(self) -> int:
        """200, or 422 while something stands in the way."""
        return 422 if self.problems else 200

    def wrong(self, name: str) -> str:
        """What is wrong with a field, or an empty text."""
        return " ".join(p.message for p in self.problems if p.field == name)

    def said(self, name: str) -> str:
        """What was typed into a field."""
        return self.typed.get(name, "")


def blank() -> Request:
    """A page with nothing typed."""
    return Request(context.new_key())


def take(names: tuple[str, ...], act: Callable[[dict[str, str], str], object]) -> Request | None:
    """Read the fields ``names`` and act; ``None`` when it was done, else the page to show again.

    Refusals that are not about what was typed pass through.
    """
    typed = {name: request.form.get(name, "") for name in names}
    key = context.sent_key()
    try:
        act(typed, key)
    except BrokenRule as refusal:
        return Request(key, typed, refusal.problems or (Problem("", refusal.message),))
    except NothingToDo as same:
        return Request(key, typed, (Problem("", same.message),))
    return None
