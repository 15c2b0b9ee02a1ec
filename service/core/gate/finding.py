"""What the gate says about one place of a deployment, in words a process owner can act on.

A finding is an *error* (the deployment is refused) or a *warning* (it is allowed, and said aloud).
"""

from dataclasses import dataclass
from typing import Literal

from lxml import etree

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: where (path, line, element id), how bad, which rule, what it means and how to mend it."""

    file: str
    line: int | None
    element: str | None
    level: Level
    rule: str
    message: str
    mend: str


def error(file: str, at: etree._Element | None, rule: str, message: str, mend: str) -> Finding:
    """Return a finding that refuses the deployment. ``at`` gives the line and the element's id."""
    return Finding(file, line_of(at), id_of(at), "error", rule, message, mend)


def warning(file: str, at: etree._Element | None, rule: str, message: str, mend: str) -> Finding:
    """Return a finding that is only said aloud."""
    return Finding(file, line_of(at), id_of(at), "warning", rule, message, mend)


def line_of(at: etree._Element | None) -> int | None:
    """The line an element starts on, if it was read from a text."""
    found: object = None if at is None else at.sourceline
    return found if isinstance(found, int) else None


def id_of(at: etree._Element | None) -> str | None:
    """The id of an element, or of the nearest one around it that has an id."""
    while at is not None:
        found = at.get("id")
        if found:
            return found
        at = at.getparent()
    return None
