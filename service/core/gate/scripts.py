"""Scripts and payloads: whether every line is one the engine will run."""

from collections.abc import Iterator

from service.core.gate import formulas
from service.core.gate.finding import Finding, error
from service.core.gate.model import Bundle, Node, Scope, local, text_of
from service.core.gate.xml_door import NS, Document

EXTENSION = "bpmn:extensionElements/spiff:"


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield scripts that are missing or are not assignments, and payload expressions that are no expressions."""
    for scope in bundle.running:
        for node in scope.nodes.values():
            if node.kind == "scriptTask":
                yield from _script_task(scope, node)
            yield from _extensions(scope, node)
    for document in bundle.documents:
        yield from _correlation(document)
        yield from _payloads(document)


def scripts_of(node: Node) -> list[str]:
    """The scripts a node runs: its own, and those before and after it."""
    found = [node.xml.find("bpmn:script", NS)] if node.kind == "scriptTask" else []
    found += [node.xml.find(EXTENSION + name, NS) for name in ("preScript", "postScript")]
    return [text_of(f) for f in found if f is not None]


def _script_task(scope: Scope, node: Node) -> Iterator[Finding]:
    script = node.xml.find("bpmn:script", NS)
    if not text_of(script):
        message = f"{node.words} has no script, so there is nothing for it to do."
        yield error(scope.file, node.xml, "script-missing", message, "Write what it works out, one line for each name.")
        return
    wrong = formulas.script_problem(text_of(script))
    if wrong:
        message = f"The script of {node.mention} cannot be run: {wrong}"
        mend = "Write only lines of the form  name = expression."
        yield error(scope.file, script, "script", message, mend)
    for target, text in formulas.assignments(text_of(script)):
        found = formulas.value(text)
        if found and found[1]:
            message = f"The script of {node.mention} cannot work out “{target}”: {found[1]}"
            yield error(scope.file, script, "script", message, "Correct this line.")


def _extensions(scope: Scope, node: Node) -> Iterator[Finding]:
    for name in ("preScript", "postScript"):
        found = node.xml.find(EXTENSION + name, NS)
        wrong = formulas.script_problem(text_of(found)) if found is not None and text_of(found) else None
        if wrong:
            message = f"The script before or after {node.mention} cannot be run: {wrong}"
            yield error(scope.file, found, "script", message, "Write only lines of the form  name = expression.")
    for found in node.xml.iterfind(".//spiff:messageVariable", NS):
        wrong = formulas.name_problem(text_of(found)) if text_of(found) else None
        if wrong:
            message = f"What {node.mention} receives cannot be kept as “{text_of(found)}”: {wrong}"
            yield error(scope.file, found, "variable-name", message, "Choose another name for the variable.")
    for name in ("messagePayload", "payloadExpression"):
        for found in node.xml.iterfind(f".//spiff:{name}", NS):
            wrong = formulas.problem(text_of(found)) if text_of(found) else None
            if wrong:
                message = f"What {node.mention} sends cannot be worked out: {wrong}"
                yield error(scope.file, found, "payload", message, "Write an expression, or leave it out.")


def _correlation(document: Document) -> Iterator[Finding]:
    inside = document.root.iterfind(".//bpmn:correlationPropertyRetrievalExpression/*", NS)
    own = document.root.iterfind(".//spiff:processVariableCorrelation/spiff:expression", NS)
    for found in (*inside, *own):
        wrong = formulas.problem(text_of(found)) if text_of(found) else None
        if wrong:
            message = f"A correlation property cannot be worked out: {wrong}"
            mend = "Write the name of the value that identifies the case."
            yield error(document.path, found, "correlation", message, mend)


def _payloads(document: Document) -> Iterator[Finding]:
    """What signals, errors and escalations carry: they stand beside the processes."""
    for kind in ("signal", "error", "escalation", "message"):
        for found in document.root.iterfind(f"bpmn:{kind}/{EXTENSION}*", NS):
            if local(found) not in {"payloadExpression", "messagePayload"} or not text_of(found):
                continue
            wrong = formulas.problem(text_of(found))
            if wrong:
                message = f"What the {kind} carries cannot be worked out: {wrong}"
                yield error(document.path, found, "payload", message, "Write an expression, or leave it out.")
