"""Messages that are offered only at times: whether their condition can be worked out, and what is said otherwise."""

from collections.abc import Iterator

from service.core.gate import formulas, people
from service.core.gate.finding import Finding, error
from service.core.gate.model import Bundle, Node, Scope


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what is wrong with the properties ``when`` and ``when_not``."""
    main = people.Known(bundle).main
    for scope in bundle.running:
        for node in scope.nodes.values():
            properties = node.properties()
            if {"when", "when_not"} & properties.keys():
                yield from _offer(scope, node, properties, begins=scope.parent is None and scope.process == main)


def _offer(scope: Scope, node: Node, properties: dict[str, str], *, begins: bool) -> Iterator[Finding]:
    when = properties.get("when", "").strip()
    if not _receives(node):
        message = f"{node.words} receives no message, so it cannot be offered only at times (when)."
        yield error(scope.file, node.xml, "when", message, "Set “when” on the event that receives a message.")
        return
    wrong = formulas.problem(when) if when else "it is empty."
    if wrong:
        message = f"When {node.mention} is offered cannot be worked out: {wrong}"
        yield error(scope.file, node.xml, "when", message, 'Write a condition, such as  decision == "hold".')
    elif begins and node.kind == "startEvent" and formulas.reads(when) - {"local"}:
        message = f"{node.words} looks at “{min(formulas.reads(when) - {'local'})}” before there is a case."
        mend = "A start may look at local rules and at the day, such as  today() >= local.open_from."
        yield error(scope.file, node.xml, "when", message, mend)
    if not properties.get("when_not", "").strip():
        message = f"{node.words} is not always offered, and does not say why not (when_not)."
        yield error(scope.file, node.xml, "when", message, "Write a sentence for those who would send it too early.")


def _receives(node: Node) -> bool:
    catching = node.kind in {"startEvent", "intermediateCatchEvent", "boundaryEvent"}
    return node.kind == "receiveTask" or (catching and node.definition("message") is not None)
