"""What one part of a deployment calls by name in another: processes and decisions."""

from collections.abc import Iterator

from service.core.gate.constructs import GLOBAL_TASKS
from service.core.gate.finding import Finding, error
from service.core.gate.model import Bundle, Node, Scope, called_by, text_of
from service.core.gate.xml_door import BPMN, NS

DMN_DECISION = "{*}decision"


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield names that lead nowhere, ids used by two processes, and processes that call themselves."""
    yield from _duplicates(bundle)
    yield from _main(bundle)
    processes = bundle.processes()
    decisions = {d.get("id") for t in bundle.tables for d in t.root.iterchildren(DMN_DECISION)}
    for scope in bundle.running:
        for node in scope.of_kind("callActivity"):
            yield from _call(bundle, scope, node, processes)
        for node in scope.of_kind("businessRuleTask"):
            yield from _decision(scope, node, decisions)
        for node in scope.of_kind("serviceTask"):
            message = f"{node.words} asks another system to act; nothing in this service performs it."
            mend = "Make it a user task, or a script task that only works something out."
            yield error(scope.file, node.xml, "service-task", message, mend)
    yield from _cycles(bundle, processes)


def _duplicates(bundle: Bundle) -> Iterator[Finding]:
    seen: dict[str, Scope] = {}
    for scope in bundle.scopes:
        other = seen.setdefault(scope.id, scope)
        if other is not scope and other.file != scope.file:
            message = f"{scope.words} has the id “{scope.id}”, which {other.file} uses too."
            yield error(scope.file, scope.xml, "duplicate-process", message, "Give one of the two another id.")


def _main(bundle: Bundle) -> Iterator[Finding]:
    deployment = bundle.named("deployment.json")
    if not isinstance(deployment, dict):
        return
    main = bundle.processes().get(str(deployment.get("main", "")))
    if main is None or not main.executable:
        message = f"The deployment begins with the process “{deployment.get('main', '')}”, which is not here to be run."
        path = "processes/deployment.json"
        mend = "Name an executable process of this deployment under “main”."
        yield Finding(path, None, None, "error", "main-missing", message, mend)
    elif not any(s.definition("message") is not None for s in main.of_kind("startEvent")):
        message = f"{main.words} is where cases begin, but no message starts it, so nobody could begin a case."
        yield error(main.file, main.xml, "main-cannot-start", message, "Let its start event wait for a message.")


def _call(bundle: Bundle, scope: Scope, node: Node, processes: dict[str, Scope]) -> Iterator[Finding]:
    name = called_by(node)
    target = processes.get(name)
    mend = "Choose the process to run in the panel, and deploy that process together with this one."
    if not name:
        message = f"{node.words} does not say which process to run."
        if _zeebe(node, "calledElement"):
            message = f"{node.words} names its process as another tool does, which is not read here."
        yield error(scope.file, node.xml, "call-missing", message, mend)
    elif target is None:
        root = bundle.document_of(scope.file).root
        if any(g.get("id") == name for g in root.iterchildren(*(f"{{{BPMN}}}{k}" for k in GLOBAL_TASKS))):
            return
        message = f"{node.words} runs the process “{name}”, which is not in this deployment."
        yield error(scope.file, node.xml, "call-missing", message, mend)
    elif not target.executable:
        message = f"{node.words} runs the process “{name}”, which is marked as not executable."
        yield error(scope.file, node.xml, "call-not-executable", message, f"Mark “{name}” as executable.")
    elif all(s.definitions() for s in target.of_kind("startEvent")) and list(target.of_kind("startEvent")):
        message = f"{node.words} runs the process “{name}”, which waits for an event before it begins."
        yield error(scope.file, node.xml, "call-cannot-start", message, f"Give “{name}” a plain start event.")


def _decision(scope: Scope, node: Node, decisions: set[str | None]) -> Iterator[Finding]:
    name = text_of(node.xml.find("bpmn:extensionElements/spiff:calledDecisionId", NS))
    mend = "Choose the decision table in the panel, and deploy it together with this diagram."
    if not name:
        message = f"{node.words} does not say which table decides."
        if any(str(k).endswith("}decisionRef") for k in node.xml.attrib) or _zeebe(node, "calledDecision"):
            message = f"{node.words} names its decision table as another tool does, which is not read here."
        yield error(scope.file, node.xml, "decision-missing", message, mend)
    elif name not in decisions:
        message = f"{node.words} asks the decision table “{name}”, which is not in this deployment."
        yield error(scope.file, node.xml, "decision-missing", message, mend)


def _zeebe(node: Node, kind: str) -> bool:
    return node.xml.find(f"bpmn:extensionElements/{{*}}{kind}", NS) is not None


def _cycles(bundle: Bundle, processes: dict[str, Scope]) -> Iterator[Finding]:
    calls: dict[str, set[str]] = {}
    for scope in bundle.running:
        for node in scope.of_kind("callActivity"):
            calls.setdefault(scope.process, set()).add(called_by(node))
    for scope in bundle.running:
        for node in scope.of_kind("callActivity"):
            if called_by(node) in processes and scope.process in _all_called(called_by(node), calls):
                message = f"{node.words} runs a process that in the end runs this one again: it would never finish."
                mend = "Draw the repetition as a loop back inside one process."
                yield error(scope.file, node.xml, "call-cycle", message, mend)


def _all_called(process: str, calls: dict[str, set[str]]) -> set[str]:
    found, waiting = {process}, [process]
    while waiting:
        for other in calls.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found
