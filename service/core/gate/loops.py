"""Repeated steps: multi-instance over a list, and standard loops."""

from collections.abc import Iterator

from lxml import etree

from service.core import expressions
from service.core.gate import formulas
from service.core.gate.finding import Finding, error, warning
from service.core.gate.model import Bundle, Node, Scope, text_of
from service.core.gate.xml_door import NS

MOST_INSTANCES = 1_000
MOST_LOOPS = 200


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what is wrong with repeated steps of the diagrams that will be run."""
    for scope in bundle.running:
        for node in scope.nodes.values():
            multi = node.xml.find("bpmn:multiInstanceLoopCharacteristics", NS)
            if multi is not None:
                yield from _multi_instance(scope, node, multi)
            loop = node.xml.find("bpmn:standardLoopCharacteristics", NS)
            if loop is not None:
                yield from _standard(scope, node, loop)


def item_of(node: Node) -> tuple[str, str] | None:
    """The list and the item name of a multi-instance step, or ``None``."""
    multi = node.xml.find("bpmn:multiInstanceLoopCharacteristics", NS)
    if multi is None:
        return None
    item = multi.find("bpmn:inputDataItem", NS)
    return text_of(multi.find("bpmn:loopDataInputRef", NS)), "" if item is None else item.get("name") or ""


def _multi_instance(scope: Scope, node: Node, multi: etree._Element) -> Iterator[Finding]:
    behaviour = multi.get("behavior", "All")
    if behaviour != "All":
        message = f"{node.words} would throw events while it is repeated (behaviour “{behaviour}”), which is not done."
        yield error(scope.file, multi, "loop-behaviour", message, "Set the behaviour to “All”.")
    listed = text_of(multi.find("bpmn:loopDataInputRef", NS))
    counted = multi.find("bpmn:loopCardinality", NS)
    if not listed and counted is None:
        message = f"{node.words} is repeated, but does not say over which list."
        mend = "Name the list to repeat over (loopDataInputRef), such as  agencies."
        if _in_another_way(multi):
            message = f"{node.words} names its list as another tool does, which is not read here."
        yield error(scope.file, multi, "loop-without-list", message, mend)
    elif listed and counted is not None:
        message = f"{node.words} names both a list and a number of times to repeat."
        yield error(scope.file, multi, "loop-list-and-number", message, "Keep the list.")
    elif counted is not None:
        yield from _cardinality(scope, node, counted)
    elif node.xml.find("bpmn:ioSpecification", NS) is None:
        yield from _list(scope, node, multi, listed)
    done = multi.find("bpmn:completionCondition", NS)
    wrong = formulas.problem(text_of(done)) if done is not None else None
    if wrong:
        message = f"{node.words} has a condition for stopping early that cannot be answered: {wrong}"
        yield error(scope.file, done, "condition", message, "Write it as a comparison, or leave it out.")


def _in_another_way(multi: etree._Element) -> bool:
    """Whether the list stands in an extension of another tool."""
    inside = multi.find("bpmn:extensionElements/{*}loopCharacteristics", NS) is not None
    return inside or any(str(name).endswith("}collection") for name in multi.attrib)


def _cardinality(scope: Scope, node: Node, counted: etree._Element) -> Iterator[Finding]:
    text = text_of(counted)
    wrong = formulas.problem(text)
    value = formulas.constant(text)
    told = wrong or (None if value is None else _bad_number(value))
    if text == "None":
        told = "nothing is not a number."
    if told:
        message = f"{node.words} is repeated a number of times that makes no sense: {told}"
        mend = f"Write a whole number from 1 to {MOST_INSTANCES}, or repeat over a list."
        yield error(scope.file, counted, "loop-number", message, mend)


def _bad_number(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return f"{value!r} is not a whole number."
    return None if 1 <= value <= MOST_INSTANCES else f"{value:,} times."


def _list(scope: Scope, node: Node, multi: etree._Element, listed: str) -> Iterator[Finding]:
    if not listed.isidentifier():
        message = f"{node.words} repeats over “{listed}”, which is not the name of a variable."
        yield error(scope.file, multi, "loop-without-list", message, "Name a variable that holds a list.")
    item = multi.find("bpmn:inputDataItem", NS)
    name = "" if item is None else item.get("name") or item.get("id") or ""
    if item is None or not name:
        message = f"{node.words} is repeated, but the item has no name, so its steps cannot speak of it."
        yield warning(scope.file, multi, "loop-without-item", message, "Give the item a name, such as  agency.")
    elif not name.isidentifier() and not (item.get("id") or "").isidentifier():
        message = f"{node.words} calls its item “{name}”, which cannot be a name in an expression."
        yield error(scope.file, item, "item-name", message, "Use letters, figures and underscores.")
    elif name in expressions.RESERVED:
        message = f"{node.words} calls its item “{name}”, which is kept for the service itself."
        yield error(scope.file, item, "item-name", message, "Give the item another name.")
    elif name == listed:
        message = f"{node.words} calls both the list and its item “{name}”."
        yield error(scope.file, item, "item-clash", message, "Give the item another name.")


def _standard(scope: Scope, node: Node, loop: etree._Element) -> Iterator[Finding]:
    maximum = (loop.get("loopMaximum") or "").strip()
    if not maximum:
        message = f"{node.words} is a loop without a greatest number of turns: it might never end."
        yield error(scope.file, loop, "loop-without-maximum", message, "Set the greatest number of turns.")
    elif not maximum.lstrip("+").isdigit() or not 1 <= int(maximum[:9]) <= MOST_LOOPS:
        message = f"{node.words} may go round {maximum} times."
        yield error(scope.file, loop, "loop-maximum", message, f"Set a number from 1 to {MOST_LOOPS}.")
    condition = loop.find("bpmn:loopCondition", NS)
    wrong = formulas.problem(text_of(condition)) if condition is not None else None
    if wrong:
        message = f"The loop condition of {node.mention} cannot be answered: {wrong}"
        yield error(scope.file, condition, "condition", message, "Write it as a comparison.")
