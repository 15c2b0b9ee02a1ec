"""Events: whether each one is of a kind that works where it stands, and whether what it names exists."""

from collections.abc import Iterator

from lxml import etree

from service.core.gate import formulas
from service.core.gate.finding import Finding, error, warning
from service.core.gate.model import Bundle, Node, Scope, local, text_of
from service.core.gate.xml_door import BPMN, NS

ALLOWED = {
    "startEvent": {"message", "signal", "timer", "conditional", "compensate"},
    "intermediateCatchEvent": {"message", "signal", "timer", "conditional", "link"},
    "intermediateThrowEvent": {"message", "signal", "escalation", "compensate", "link"},
    "boundaryEvent": {"message", "signal", "timer", "conditional", "error", "escalation", "cancel", "compensate"},
    "endEvent": {"message", "signal", "error", "escalation", "cancel", "terminate", "compensate"},
}
CATCHING = {"startEvent", "intermediateCatchEvent", "boundaryEvent"}
NAMED = {"message": "messageRef", "signal": "signalRef", "error": "errorRef", "escalation": "escalationRef"}
MUST_NAME = {"message", "signal"}


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what is wrong with events, receive tasks and send tasks of the diagrams that will be run."""
    roots = {d.path: _declared(d.root) for d in bundle.documents}
    for scope in bundle.running:
        for node in scope.nodes.values():
            if node.kind in ALLOWED:
                yield from _event(scope, node, roots[scope.file])
            elif node.kind in {"receiveTask", "sendTask"}:
                yield from _message_task(scope, node, roots[scope.file])
    yield from _never_thrown(bundle, roots)


Declared = dict[tuple[str, str], "etree._Element"]  # noqa: SLF001 - lxml names its element class so


def _declared(root: etree._Element) -> Declared:
    return {(local(e), e.get("id", "")): e for e in root.iterchildren(*(f"{{{BPMN}}}{kind}" for kind in NAMED))}


def kind_of(definition: etree._Element) -> str:
    """``"timer"`` for a timer event definition, and so on."""
    return local(definition).removesuffix("EventDefinition")


def _event(scope: Scope, node: Node, declared: Declared) -> Iterator[Finding]:
    definitions = node.definitions()
    if node.xml.find("bpmn:eventDefinitionRef", NS) is not None:
        message = f"{node.words} takes its kind from a definition elsewhere in the file, which is not looked up here."
        yield error(scope.file, node.xml, "event-by-reference", message, "Set its kind at the event itself.")
    elif not definitions and node.kind in {"intermediateCatchEvent", "boundaryEvent"}:
        message = f"{node.words} does not say what it waits for."
        yield error(scope.file, node.xml, "event-without-kind", message, "Choose a message, a timer or a condition.")
    for definition in definitions:
        kind = kind_of(definition)
        if kind not in ALLOWED[node.kind]:
            message = f"{node.words} may not be of the kind “{kind}” here."
            yield error(scope.file, definition, "event-kind", message, "Choose a kind that can stand in this place.")
            continue
        if kind in NAMED:
            yield from _named(scope, node, definition, declared)
        if kind == "conditional":
            yield from _condition(scope, node, definition)
    yield from _special(scope, node)
    yield from _cycle(scope, node)


def _cycle(scope: Scope, node: Node) -> Iterator[Finding]:
    """A repeated time belongs where each turn starts something beside the flow."""
    in_flow = node.kind == "intermediateCatchEvent" or (node.kind == "boundaryEvent" and node.interrupts)
    if in_flow and node.xml.find("bpmn:timerEventDefinition/bpmn:timeCycle", NS) is not None:
        message = f"{node.words} waits for a repeated time: what follows it would be done once for every turn."
        mend = "Write a duration or a date; a repeated time fits a boundary event that does not interrupt."
        yield error(scope.file, node.xml, "cycle-place", message, mend)


def _named(scope: Scope, node: Node, definition: etree._Element, declared: Declared) -> Iterator[Finding]:
    kind = kind_of(definition)
    ref = (definition.get(NAMED[kind]) or "").rsplit(":", 1)[-1]
    mend = f"Choose {'an' if kind[0] == 'e' else 'a'} {kind} for it in the panel, and give that {kind} a name."
    if not ref:
        if kind in MUST_NAME:
            message = f"{node.words} does not say which {kind} it is about."
            tell = error if node.kind in CATCHING else warning
            yield tell(scope.file, definition, f"{kind}-missing", message, mend)
        return
    found = declared.get((kind, ref))
    if found is None:
        message = f"{node.words} names the {kind} “{ref}”, which does not exist in this file."
        yield error(scope.file, definition, f"{kind}-missing", message, mend)
    elif kind in MUST_NAME and not (found.get("name") or "").strip():
        message = f"The {kind} of {node.mention} has no name."
        yield error(scope.file, found, f"{kind}-missing", message, mend)


def _condition(scope: Scope, node: Node, definition: etree._Element) -> Iterator[Finding]:
    text = text_of(definition.find("bpmn:condition", NS))
    wrong = formulas.problem(text) if text else "it is empty."
    if wrong:
        message = f"The condition {node.mention} waits for cannot be answered: {wrong}"
        mend = formulas.hint(text) or "Write it as a comparison, such as  count > 3."
        yield error(scope.file, definition, "condition", message, mend)


def _special(scope: Scope, node: Node) -> Iterator[Finding]:
    if node.definition("cancel") is not None:
        host = scope.nodes.get(node.attached_to or "")
        inside = host.kind if host is not None else scope.kind
        if inside != "transaction":
            message = f"{node.words} cancels a transaction, and there is none around it."
            yield error(scope.file, node.xml, "cancel-outside-transaction", message, "Use an ordinary or error event.")
    if node.kind == "boundaryEvent" and node.definition("error") is not None and not node.interrupts:
        message = f"{node.words} catches an error without interrupting, which cannot be: an error ends the work."
        yield error(scope.file, node.xml, "error-not-interrupting", message, "Let it interrupt, or use an escalation.")


def _message_task(scope: Scope, node: Node, declared: Declared) -> Iterator[Finding]:
    ref = (node.xml.get("messageRef") or "").rsplit(":", 1)[-1]
    mend = "Choose a message for it, and give that message a name."
    found = declared.get(("message", ref))
    if not ref:
        waits = node.kind == "receiveTask"
        tell, does = (error, "wait for") if waits else (warning, "send")
        message = f"{node.words} does not say which message to {does}, so it would pass at once."
        yield tell(scope.file, node.xml, "message-missing", message, mend)
    elif found is None or not (found.get("name") or "").strip():
        message = f"{node.words} names the message “{ref}”, which does not exist in this file or has no name."
        yield error(scope.file, node.xml, "message-missing", message, mend)


def _never_thrown(bundle: Bundle, roots: dict[str, Declared]) -> Iterator[Finding]:
    caught: dict[tuple[str, str], tuple[Scope, Node]] = {}
    thrown: dict[tuple[str, str], tuple[Scope, Node]] = {}
    for scope in bundle.running:
        for node in scope.nodes.values():
            for definition in node.definitions():
                kind = kind_of(definition)
                if kind in {"signal", "error", "escalation"}:
                    key = (kind, _code(definition, roots[scope.file]))
                    (caught if node.kind in CATCHING else thrown).setdefault(key, (scope, node))
    for (kind, code), (scope, node) in caught.items():
        if (kind, code) not in thrown and not (code == "" and any(k == kind for k, _ in thrown)):
            message = f"{node.words} waits for the {kind} “{code or 'any'}”, which nothing in this deployment throws."
            yield warning(scope.file, node.xml, "never-thrown", message, "Throw it somewhere, or delete the event.")
    yield from _never_caught(caught, thrown)


def _never_caught(
    caught: dict[tuple[str, str], tuple[Scope, Node]], thrown: dict[tuple[str, str], tuple[Scope, Node]]
) -> Iterator[Finding]:
    for (kind, code), (scope, node) in thrown.items():
        heard = (kind, code) in caught or (kind, "") in caught
        if kind == "signal" and node.kind == "endEvent" and heard:
            message = f"{node.words} would throw its signal at the end, which is not done as drawn."
            mend = "Throw the signal with a throwing event before the end event."
            yield error(scope.file, node.xml, "signal-at-end", message, mend)
        elif kind == "error" and not heard:
            message = f"{node.words} throws the error “{code or node.name}”, which nothing catches."
            mend = "Catch it with a boundary event on the sub-process or called process around it."
            yield warning(scope.file, node.xml, "never-caught", message, mend)


def _code(definition: etree._Element, declared: Declared) -> str:
    kind = kind_of(definition)
    ref = (definition.get(NAMED[kind]) or "").rsplit(":", 1)[-1]
    found = declared.get((kind, ref))
    if found is None:
        return ref
    codes = {"error": "errorCode", "escalation": "escalationCode"}
    return found.get(codes.get(kind, "name")) or found.get("name") or ref



