"""Parts of BPMN that are not run as the standard says, and are therefore refused rather than run wrongly."""

from collections.abc import Iterator

from lxml import etree

from service.core.gate.finding import Finding, error, warning
from service.core.gate.model import ACTIVITIES, Bundle, Node, Scope, called_by, is_true, local
from service.core.gate.xml_door import BPMN, SPIFF

GLOBAL_TASKS = {"globalTask", "globalUserTask", "globalManualTask", "globalScriptTask", "globalBusinessRuleTask"}
KIND_WORDS = {"signal": "signal", "conditional": "condition"}
NEED_IDS = {
    "process": "process", "message": "message", "signal": "signal", "error": "error", "escalation": "escalation",
}  # fmt: skip
KNOWN_EXTENSIONS = {
    "calledDecisionId", "instructionsForEndUser", "messagePayload", "messageVariable", "payloadExpression",
    "variableName", "preScript", "postScript", "properties", "property", "unitTests", "unitTest", "inputJson",
    "expectedOutputJson", "serviceTaskOperator", "parameters", "parameter", "retry", "taskMetadataValues",
    "taskMetadataValue", "processVariableCorrelation", "propertyId", "expression", "category",
}  # fmt: skip


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what would not be run as drawn."""
    for document in bundle.documents:
        for child in document.root.iterchildren(*(f"{{{BPMN}}}{name}" for name in GLOBAL_TASKS)):
            message = f"The global task “{child.get('name') or child.get('id')}” is not run here."
            yield error(document.path, child, "global-task", message, "Draw it as a process of its own, and call that.")
        yield from _extensions(document.path, document.root)
        yield from _nameless(document.path, document.root)
    called = frozenset(called_by(n) for s in bundle.running for n in s.of_kind("callActivity"))
    for scope in bundle.running:
        yield from _of_scope(scope, called)
        for node in scope.nodes.values():
            if not node.id:
                message = f"{node.words} has no id, so no flow can lead to it."
                yield error(scope.file, node.xml, "id-missing", message, "Give it an id.")
            yield from _of_node(scope, node)


def _nameless(path: str, root: etree._Element) -> Iterator[Finding]:
    for kind, words in NEED_IDS.items():
        for node in root.iterchildren(f"{{{BPMN}}}{kind}"):
            if not node.get("id"):
                message = f"The {words} “{node.get('name') or ''}” has no id, so nothing can refer to it."
                yield error(path, node, "id-missing", message, "Give it an id.")


def _extensions(path: str, root: etree._Element) -> Iterator[Finding]:
    for node in root.iter(f"{{{SPIFF}}}*"):
        if local(node) not in KNOWN_EXTENSIONS:
            message = f"“{local(node)}” means nothing here and is left aside."
            yield warning(path, node, "unknown-extension", message, "Delete it, or correct its spelling.")


def _of_scope(scope: Scope, called: frozenset[str]) -> Iterator[Finding]:
    if scope.kind == "adHocSubProcess":
        message = f"{scope.words} leaves its order open (ad hoc), which is not run here."
        mend = "Draw the order, for example with an event sub-process for what may happen at any time."
        yield error(scope.file, scope.xml, "ad-hoc", message, mend)
    if scope.kind == "transaction":
        message = f"{scope.words} is run as an ordinary sub-process: nothing in it is undone when it is cancelled."
        yield warning(scope.file, scope.xml, "transaction", message, "Draw a sub-process, and draw what undoing means.")
    if scope.event_driven:
        yield from _event_sub_process(scope, called)


def _event_sub_process(scope: Scope, called: frozenset[str]) -> Iterator[Finding]:
    inside = scope.parent is not None and scope.parent.parent is not None
    for start in scope.of_kind("startEvent"):
        if start.xml.get("isInterrupting") not in {"false", "0"}:
            message = f"{scope.words} would interrupt the process it stands in, which is not done as drawn."
            mend = "Make its start event non-interrupting (dashed), or use an interrupting boundary event."
            yield error(scope.file, start.xml, "interrupting-event-sub-process", message, mend)
        for kind in ("signal", "conditional"):
            if start.definition(kind) is not None:
                message = f"{scope.words} would begin with a {KIND_WORDS[kind]}, which is not noticed here."
                mend = "Let it begin with a message or a timer, or wait for it in the flow itself."
                yield error(scope.file, start.xml, "event-sub-process-kind", message, mend)
        if start.definition("message") is not None and (inside or scope.process in called):
            message = f"{scope.words} would begin with a message, which only the process a case begins with can hear."
            mend = "Draw it in that process, or catch the message with a non-interrupting boundary event."
            yield error(scope.file, start.xml, "event-sub-process-not-heard", message, mend)
    if scope.parent and (scope.parent.incoming.get(scope.id) or scope.parent.outgoing.get(scope.id)):
        message = f"{scope.words} is started by its event, and may have no flows into it or out of it."
        yield error(scope.file, scope.xml, "event-sub-process-flow", message, "Delete the flows.")


def _of_node(scope: Scope, node: Node) -> Iterator[Finding]:
    if node.kind == "complexGateway":
        message = f"{node.words} splits or joins by a rule of its own, which is not run here."
        mend = "Use exclusive, inclusive or parallel gateways."
        yield error(scope.file, node.xml, "complex-gateway", message, mend)
    if node.kind == "eventBasedGateway" and is_true(node.xml.get("instantiate")):
        message = f"{node.words} would begin the process, which is not run here."
        yield error(scope.file, node.xml, "instantiating-gateway", message, "Draw a message start event for each way.")
    if node.kind == "receiveTask" and is_true(node.xml.get("instantiate")):
        message = f"{node.words} would begin the process, which is not run here."
        yield error(scope.file, node.xml, "instantiating-task", message, "Draw a message start event instead.")
    yield from _compensation(scope, node)
    if node.definition("link") is not None:
        message = f"{node.words} is a link event, which is not run here."
        yield error(scope.file, node.xml, "link-event", message, "Draw the flow itself.")
    if node.kind in ACTIVITIES:
        yield from _quantities(scope, node)


def _compensation(scope: Scope, node: Node) -> Iterator[Finding]:
    if is_true(node.xml.get("isForCompensation")) or node.definition("compensate") is not None:
        message = f"{node.words} is about compensation (undoing finished work), which is not run here."
        mend = "Draw the steps that put things right as ordinary steps."
        yield error(scope.file, node.xml, "compensation", message, mend)


def _quantities(scope: Scope, node: Node) -> Iterator[Finding]:
    for name in ("startQuantity", "completionQuantity"):
        if node.xml.get(name, "1").strip() not in {"1", "01", "+1"}:
            message = f"{node.words} waits for, or sets off, more than one token ({name}), which is not run here."
            mend = "Set the quantity to 1, and use a parallel gateway or a multi-instance task."
            yield error(scope.file, node.xml, "token-quantity", message, mend)
