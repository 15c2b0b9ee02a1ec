"""Places in texts: whether each names a local rule, a clock, an item or a variable that the deployment knows."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from service.core.forms_shape import key_of
from service.core.gate import names
from service.core.gate.finding import Finding, Level, id_of, line_of
from service.core.gate.model import Bundle, local, text_of
from service.core.local_rules import named
from service.core.placeholders import TEXTS, places, strays

PROSE = frozenset({"due_basis", "next", "asks", "takes", "example", "when_not"})
"""The properties of an element that people read with their places filled."""
CLOCK_PARTS = frozenset({"due", "started", "first_due"})
MEANT_AS_PLACE = re.compile(r"\{\w(?:\S*|[^}]*)", re.DOTALL)
"""Braces around no blank, or never shut: other tools' own marks look otherwise."""
MEND = "Correct the name, or write {{ and }} for braces that are meant."


@dataclass(frozen=True, slots=True)
class Known:
    """What a place may name; ``variables`` is ``None`` where too little is deployed to know them."""

    local: frozenset[str]
    items: frozenset[str]
    clocks: frozenset[str]
    variables: frozenset[str] | None
    rules: str


def findings(bundle: Bundle, outputs: Iterator[str]) -> Iterator[Finding]:
    """Yield places that nothing can fill. ``outputs``: the names that decision tables set."""
    whole = bool(bundle.forms()) and bool(bundle.running)
    known = Known(
        frozenset(bundle.local), names.items(bundle), frozenset(_clocks(bundle)),
        names.set_somewhere(bundle, outputs) if whole else None, named(bundle.named("local_rules.json")),
    )  # fmt: skip
    for document in bundle.documents:
        for node in document.root.iter("{*}property", "{*}instructionsForEndUser"):
            yield from _element(document.path, node, known)
    for path, form in bundle.json.items():
        if path.startswith("forms/") or "/forms/" in path:
            for key, text in _texts(form, ""):
                for said, level in _wrong(text, known):
                    mend = MEND if level == "error" else "Write {{ and }} for braces that are meant."
                    yield Finding(path, None, key or None, level, "placeholder", said, mend)


def _clocks(bundle: Bundle) -> Iterator[str]:
    for scope in bundle.running:
        yield from (n.properties()["clock"] for n in scope.nodes.values() if "clock" in n.properties())


def _element(path: str, node: etree._Element, known: Known) -> Iterator[Finding]:
    for said, level in _wrong(_prose(node), known):
        yield Finding(path, line_of(node), id_of(node), level, "placeholder", said, MEND)


def _prose(node: etree._Element) -> str:
    if local(node) != "property":
        return text_of(node)
    return node.get("value", "") if node.get("name") in PROSE else ""


def _texts(part: object, key: str) -> Iterator[tuple[str, str]]:
    """Every text of a form that people read, with the key of the question it belongs to."""
    if isinstance(part, list):
        for each in part:
            yield from _texts(each, key)
    elif isinstance(part, Mapping):
        own = key_of(part) or str(part.get("field") or "") or key
        for name, value in part.items():
            if isinstance(value, str) and name in TEXTS:
                yield own, value
            else:
                yield from _texts(value, own)


def _wrong(text: str, known: Known) -> Iterator[tuple[str, Level]]:
    for path in places(text):
        said = _unknown(path.split("."), known)
        if said:
            yield f"A text shows {{{path}}}, and {said}", "error"
    for stray in strays(text):
        level: Level = "error" if MEANT_AS_PLACE.fullmatch(stray) else "warning"
        yield f"A text holds “{stray[:40]}”, which is no place that can be filled.", level


def _unknown(path: list[str], known: Known) -> str | None:
    base, rest = path[0], path[1:]
    if base == "local":
        fits = rest[:1] and rest[0] in known.local and rest[1:] in ([], ["words"])
        return None if fits else f"there is no such local rule: {known.rules}."
    if known.variables is None:
        return None
    if base == "clocks":
        fits = len(rest) == 2 and rest[0] in known.clocks and rest[1] in CLOCK_PARTS
        return None if fits else "there is no such time limit, or not this part of it: due, started, first_due."
    if base in known.items:
        return None if len(rest) < 2 else "only one part of an item can be shown."
    if base not in known.variables:
        return f"no form, script or decision sets “{base}”, and there is no local rule of that name."
    return "only a whole variable can be shown." if rest else None
