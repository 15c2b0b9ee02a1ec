"""Local rules of a deployment: whether their file can be read, and whether all that is read of ``local`` is in it."""

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from service.core import forms_conditions, local_rules
from service.core.forms_shape import components_within
from service.core.gate import formulas
from service.core.gate.finding import Finding, error
from service.core.gate.model import Bundle, local, text_of
from service.core.gate.names import EXPRESSIONS

PROSE = frozenset({"documentation", "text", "instructionsForEndUser", "description"})


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what is wrong with the file of local rules, and every use of a rule that is not in it."""
    kept = bundle.named("local_rules.json")
    for rule, said in local_rules.problems(kept) if kept is not None else ():
        path = next(p for p in bundle.json if p.endswith("local_rules.json"))
        mend = "Correct it: each rule has an id, a value, a unit, a name and what it is about."
        yield Finding(path, None, rule or None, "error", "local-rule", said, mend)
    known = frozenset(bundle.local)
    for path, at, text in (*_in_diagrams(bundle), *_in_tables(bundle)):
        for name in _unknown(text, known):
            yield error(path, at, "local-rule-unknown", _said(name), local_rules.which(kept, name))
    for path, key, read, bare in _in_forms(bundle):
        for name in _strange(read, known, bare=bare):
            mend = local_rules.which(kept, name)
            yield Finding(path, None, key or None, "error", "local-rule-unknown", _said(name), mend)


def _unknown(text: str, known: frozenset[str]) -> Iterator[str]:
    """The ids an expression reads that no rule has; empty for ``local`` by itself."""
    for expression in [value for _, value in formulas.assignments(text)] or [text]:
        read, bare = formulas.locals_read(expression)
        yield from _strange(read, known, bare=bare)


def _strange(read: frozenset[str], known: frozenset[str], *, bare: bool) -> Iterator[str]:
    yield from sorted(read - known)
    if bare:
        yield ""


def _said(name: str) -> str:
    if name:
        return f"This looks at “local.{name}”, and there is no local rule of that id."
    return "This uses “local” by itself: a local rule is read by its id, such as local.some_days."


def _in_diagrams(bundle: Bundle) -> Iterator[tuple[str, etree._Element, str]]:
    for document in bundle.documents:
        for node in document.root.iter("{*}*"):
            kind = local(node)
            text = node.text or ""
            if kind == "property" and node.get("name") in EXPRESSIONS:
                text = node.get("value", "")
            if "local" in text and kind not in PROSE:
                yield document.path, node, text_of(node) if text is node.text else text


def _in_tables(bundle: Bundle) -> Iterator[tuple[str, etree._Element, str]]:
    for document in bundle.tables:
        for node in document.root.iter("{*}inputExpression", "{*}inputEntry", "{*}outputEntry"):
            text = text_of(node.find("{*}text"))
            if "local" in text:
                # A cell may be half a comparison, and ? stands in it for the input.
                yield document.path, node, next((t for t in _completed(text) if formulas.is_expression(t)), text)


def _completed(text: str) -> tuple[str, ...]:
    return text, text.replace("?", "the_input"), f"the_input {text}"


def _in_forms(bundle: Bundle) -> Iterator[tuple[str, str, frozenset[str], bool]]:
    """Each rule and condition that reads ``local``: file, question, the rules read, whether ``local`` stands alone."""
    for path, form in bundle.json.items():
        if not (path.startswith("forms/") or "/forms/" in path) or not isinstance(form, Mapping):
            continue
        rules = form.get("rules")
        for rule in rules if isinstance(rules, list) else ():
            if isinstance(rule, Mapping) and isinstance(rule.get("when"), str):
                yield (path, str(rule.get("field") or ""), *formulas.locals_read(rule["when"]))
        for component in components_within(form):
            yield from _in_condition(path, component)


def _in_condition(path: str, component: Mapping[str, Any]) -> Iterator[tuple[str, str, frozenset[str], bool]]:
    conditional = component.get("conditional")
    hide = conditional.get("hide") if isinstance(conditional, Mapping) else None
    try:
        names = forms_conditions.parse(str(hide)).names if hide else frozenset()
    except ValueError:
        return  # what cannot be read is told where the form is checked
    read = frozenset(n.removeprefix("local.") for n in names if n.startswith("local."))
    yield path, str(component.get("key") or ""), read, False
