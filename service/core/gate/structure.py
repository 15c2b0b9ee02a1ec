"""Where a process starts and ends, and whether every part of it can be reached and left again."""

from collections.abc import Callable, Iterable, Iterator

from service.core.gate.finding import Finding, error, warning
from service.core.gate.model import ACTIVITIES, SUB_PROCESSES, Bundle, Node, Scope, is_true
from service.core.gate.xml_door import NS


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what is wrong with the shape of the diagrams that will be run."""
    yield from _processes(bundle)
    for scope in bundle.running:
        if scope.kind == "adHocSubProcess":
            continue
        yield from _starts(scope)
        yield from _ends(scope)
        yield from _boundaries(scope)
        yield from _reach(scope)


def _processes(bundle: Bundle) -> Iterator[Finding]:
    processes = [s for s in bundle.scopes if s.parent is None]
    for document in bundle.documents:
        if document.root.find("bpmn:process", NS) is None:
            tell = warning if processes else error
            message = "This diagram holds no process, so there is nothing in it to run."
            yield tell(document.path, document.root, "no-process", message, "Draw a process, or leave the file out.")
    runs = any(s.executable for s in processes)
    for scope in processes:
        if scope.executable:
            continue
        message = f"{scope.words} is marked as not executable: it is shown but never run."
        mend = "If it is meant to run, tick “executable”; a pool drawn only to show somebody else may stay as it is."
        if runs:
            yield warning(scope.file, scope.xml, "not-executable", message, mend)
        else:
            yield error(scope.file, scope.xml, "nothing-executable", message, mend)


def _starts(scope: Scope) -> Iterator[Finding]:
    starts = list(scope.of_kind("startEvent"))
    if not starts:
        message = f"{scope.words} has no start event, so it can never begin."
        yield error(scope.file, scope.xml, "no-start", message, "Draw a start event and connect it.")
    yield from _same_start(scope, starts)
    plain = [s for s in starts if not s.definitions()]
    for start in plain[1:]:
        message = f"{scope.words} has more than one plain start event: nobody can tell where it begins."
        yield error(scope.file, start.xml, "several-starts", message, "Keep one, or let each start with a message.")
    for start in starts:
        if scope.incoming.get(start.id):
            message = f"{start.words} has a flow leading into it."
            mend = "Lead the flow to the first step after the start instead."
            yield error(scope.file, start.xml, "flow-into-start", message, mend)
    if scope.kind in SUB_PROCESSES:
        yield from _inner_starts(scope, starts)


def _same_start(scope: Scope, starts: list[Node]) -> Iterator[Finding]:
    names = {m.get("id"): m.get("name") for m in scope.xml.getroottree().getroot().iterfind("bpmn:message", NS)}
    seen: dict[str, Node] = {}
    for start in starts:
        found = start.definition("message")
        ref = "" if found is None else (found.get("messageRef") or "").rsplit(":", 1)[-1]
        other = seen.setdefault(names.get(ref) or ref, start) if ref else start
        if other is not start:
            message = f"{start.words} and {other.mention} begin with the same message: nobody can tell which is meant."
            yield error(scope.file, start.xml, "same-message", message, "Give each start a message of its own.")


def _inner_starts(scope: Scope, starts: list[Node]) -> Iterator[Finding]:
    if len(starts) > 1:
        message = f"{scope.words} has {len(starts)} start events; it may have one."
        yield error(scope.file, starts[1].xml, "several-starts", message, "Keep one start event.")
    for start in starts:
        if start.definitions() and not scope.event_driven:
            message = f"{start.words} waits for an event, but a sub-process begins as soon as it is reached."
            mend = "Make it a plain start event, and wait for the event in a step of its own."
            yield error(scope.file, start.xml, "sub-process-start", message, mend)
        if scope.event_driven and not start.definitions():
            message = f"{start.words} begins an event sub-process but names no event."
            yield error(scope.file, start.xml, "sub-process-start", message, "Let it start with a message or a timer.")


def _ends(scope: Scope) -> Iterator[Finding]:
    ends = list(scope.of_kind("endEvent"))
    if not ends:
        message = f"{scope.words} has no end event, so it never says that it is finished."
        yield error(scope.file, scope.xml, "no-end", message, "Draw an end event after the last step.")
    for end in ends:
        if scope.outgoing.get(end.id):
            message = f"{end.words} has a flow leading out of it."
            yield error(scope.file, end.xml, "flow-out-of-end", message, "Delete the flow, or use a throwing event.")


def _boundaries(scope: Scope) -> Iterator[Finding]:
    for event in scope.of_kind("boundaryEvent"):
        host = scope.nodes.get(event.attached_to or "")
        if host is None or host.kind not in ACTIVITIES:
            message = f"{event.words} does not hang on a task or sub-process of the same level."
            yield error(scope.file, event.xml, "boundary-host", message, "Attach it to the border of a task.")
        elif is_true(host.xml.get("triggeredByEvent")):
            message = f"{event.words} hangs on an event sub-process, which may have none."
            yield error(scope.file, event.xml, "boundary-host", message, "Attach it to a step inside.")
        if scope.incoming.get(event.id):
            message = f"{event.words} has a flow leading into it; it happens by itself."
            yield error(scope.file, event.xml, "flow-into-boundary", message, "Delete the flow into it.")
        if not scope.outgoing.get(event.id) and event.definition("compensate") is None:
            message = f"{event.words} leads nowhere."
            tell = error if event.interrupts else warning
            yield tell(scope.file, event.xml, "boundary-leads-nowhere", message, "Connect it to a step or an end.")


def _reach(scope: Scope) -> Iterator[Finding]:
    loose = {n.id for n in scope.nodes.values() if _stands_alone(n)}
    starts = [n.id for n in scope.of_kind("startEvent")]
    if starts:
        reached = _closure([*starts, *loose], lambda i: _after(scope, i))
        for node in scope.nodes.values():
            if node.id not in reached and node.kind != "boundaryEvent":
                message = f"{node.words} can never be reached from the start."
                yield error(scope.file, node.xml, "unreachable", message, "Connect it, or delete it.")
    yield from _ways_out(scope, loose)


def _ways_out(scope: Scope, loose: set[str]) -> Iterator[Finding]:
    last = {n.id for n in scope.nodes.values() if not scope.outgoing.get(n.id) and n.id not in loose}
    leaves = _closure([*last, *loose], lambda i: _before(scope, i))
    for node in scope.nodes.values():
        if node.id in last and node.kind not in {"endEvent", "boundaryEvent"}:
            message = f"{node.words} is followed by nothing: the way stops without an end event."
            yield error(scope.file, node.xml, "dead-end", message, "Connect it to the next step or to an end event.")
        elif node.id not in leaves:
            message = f"{node.words} leads to no end event: it goes round for ever."
            yield error(scope.file, node.xml, "no-way-out", message, "Give the loop a way out to an end event.")


def _stands_alone(node: Node) -> bool:
    """Nodes that need no flows: event sub-processes, compensation steps, and the far ends of links."""
    return (
        is_true(node.xml.get("triggeredByEvent"))
        or is_true(node.xml.get("isForCompensation"))
        or node.definition("link") is not None
    )


def _after(scope: Scope, node_id: str) -> Iterable[str]:
    return [*(f.target for f in scope.outgoing.get(node_id, ())), *(b.id for b in scope.boundaries(node_id))]


def _before(scope: Scope, node_id: str) -> Iterable[str]:
    host = scope.nodes[node_id].attached_to if node_id in scope.nodes else None
    hosts = [host] if host in scope.nodes and scope.nodes[node_id].interrupts else []
    return [*(f.source for f in scope.incoming.get(node_id, ())), *(h for h in hosts if h)]


def _closure(start: Iterable[str], step: Callable[[str], Iterable[str]]) -> set[str]:
    found = set(start)
    waiting = list(found)
    while waiting:
        for other in step(waiting.pop()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found
