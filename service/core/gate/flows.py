"""Sequence flows and gateways: where flows lead, and whether every decision has an answer."""

from collections.abc import Iterator

from service.core.gate import exhaustive, formulas
from service.core.gate.finding import Finding, error, warning
from service.core.gate.model import ACTIVITIES, Bundle, Flow, Node, Scope
from service.core.gate.xml_door import NS

DECIDING = {"exclusiveGateway", "inclusiveGateway"}
WAITING = {"intermediateCatchEvent", "receiveTask"}


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what is wrong with flows and gateways of the diagrams that will be run."""
    levels = {n.xml: s for s in bundle.scopes for n in s.nodes.values()}
    places = {(s.file, n.id): s for n_xml, s in levels.items() for n in [s.nodes[n_xml.get("id", "")]]}
    for scope in bundle.running:
        for flow in scope.flows:
            yield from _ends_of(scope, flow, places)
        for node in scope.nodes.values():
            yield from _default(scope, node)
            yield from _out_of(scope, node)
    for scope in bundle.running:
        yield from _expressions(scope)


def _ends_of(scope: Scope, flow: Flow, places: dict[tuple[str, str], Scope]) -> Iterator[Finding]:
    for end, side in ((flow.source, "begins"), (flow.target, "ends")):
        if end in scope.nodes:
            continue
        where = places.get((scope.file, end))
        if not end:
            message = f"A flow {side} nowhere: it is connected at one end only."
            yield error(scope.file, flow.xml, "flow-to-nothing", message, "Connect the flow again, or delete it.")
        elif where is None:
            message = f"A flow {side} at “{end}”, and there is no such step."
            yield error(scope.file, flow.xml, "flow-to-nothing", message, "Connect the flow again, or delete it.")
        else:
            message = f"A flow {side} at “{end}”, which stands on another level: flows may not cross the border of a"
            message += " pool or sub-process."
            mend = "End the flow at the border of the sub-process; between pools draw a message flow."
            yield error(scope.file, flow.xml, "flow-crosses-border", message, mend)


def _default(scope: Scope, node: Node) -> Iterator[Finding]:
    default = node.xml.get("default")
    if not default:
        return
    own = {f.id: f for f in scope.outgoing.get(node.id, ())}
    if default not in own:
        message = f"{node.words} names “{default}” as its default flow, which does not lead out of it."
        yield error(scope.file, node.xml, "default-elsewhere", message, "Choose one of its own flows as the default.")
    elif own[default].condition:
        message = f"The default flow of {node.mention} has a condition, which is never looked at."
        yield warning(scope.file, own[default].xml, "default-with-condition", message, "Delete the condition.")


def _out_of(scope: Scope, node: Node) -> Iterator[Finding]:
    out = scope.outgoing.get(node.id, [])
    if node.kind in DECIDING:
        yield from _deciding(scope, node, out)
    elif node.kind == "eventBasedGateway":
        yield from _event_based(scope, node, out)
    else:
        yield from _plain(scope, node, out)


def _deciding(scope: Scope, node: Node, out: list[Flow]) -> Iterator[Finding]:
    if len(out) < 2:
        return
    default = node.xml.get("default")
    for flow in out:
        if flow.id != default and not flow.condition:
            message = f"A flow out of {node.mention} says neither when it is taken nor that it"
            message += " is the default."
            mend = "Write its condition, or make it the default flow."
            yield error(scope.file, flow.xml, "condition-missing", message, mend)
    if default is None and all(f.condition for f in out):
        yield from _without_default(scope, node, [f.condition or "" for f in out])
    yield from _never_taken(scope, node, [f for f in out if f.id != default and f.condition])


def _never_taken(scope: Scope, node: Node, out: list[Flow]) -> Iterator[Finding]:
    seen: set[str] = set()
    for flow in out:
        text = " ".join((flow.condition or "").split())
        told = "can never be true" if exhaustive.never(text) else None
        if node.kind == "exclusiveGateway" and text in seen:
            told = "is the same as that of another way, which is taken first"
        seen.add(text)
        if told:
            message = f"The condition of a flow out of {node.mention} {told}, so this way is never taken."
            yield error(scope.file, flow.xml, "never-taken", message, "Correct the condition, or delete the flow.")


def _without_default(scope: Scope, node: Node, conditions: list[str]) -> Iterator[Finding]:
    message = f"{node.words} has no default flow: if no condition is true, the case stops there."
    mend = "Make the ordinary way out the default flow."
    tell = warning if exhaustive.always_one(conditions) else error
    yield tell(scope.file, node.xml, "default-missing", message, mend)


def _event_based(scope: Scope, node: Node, out: list[Flow]) -> Iterator[Finding]:
    if len(out) < 2:
        message = f"{node.words} waits for the first of several events, and has fewer than two to wait for."
        yield error(scope.file, node.xml, "event-gateway", message, "Add the other event, or wait without a gateway.")
    for flow in out:
        target = scope.nodes[flow.target]
        if target.kind not in WAITING:
            message = f"{target.words} follows {node.mention}, but it does not wait for anything."
            mend = "After this gateway put waiting events (message, timer) or receive tasks only."
            yield error(scope.file, flow.xml, "event-gateway", message, mend)
        elif len(scope.incoming.get(target.id, ())) > 1:
            message = f"{target.words} follows an event-based gateway and has another flow leading into it."
            yield error(scope.file, target.xml, "event-gateway", message, "Draw the event twice, once for each way.")
        if flow.condition:
            yield _pointless(scope, node, flow)
    yield from _first_of(scope, node, [scope.nodes[f.target] for f in out])


def _first_of(scope: Scope, node: Node, awaited: list[Node]) -> Iterator[Finding]:
    """What may not stand side by side after an event-based gateway (BPMN 2.0, 10.5.6)."""
    seen: set[tuple[str, str]] = set()
    tasks = [n for n in awaited if n.kind == "receiveTask"]
    if tasks and any(n.definition("message") is not None for n in awaited):
        message = f"{node.words} is followed by message events and by receive tasks; only one of the two is allowed."
        yield error(scope.file, tasks[0].xml, "event-gateway", message, "Make them all waiting events.")
    for target in awaited:
        if target.kind == "receiveTask" and scope.boundaries(target.id):
            message = f"{target.words} follows an event-based gateway and may carry no boundary event there."
            yield error(scope.file, target.xml, "event-gateway", message, "Make it another way out of the gateway.")
        for key in _awaited_of(target):
            if key in seen:
                message = f"{target.words} waits for what another way out of {node.mention} waits for too."
                yield error(scope.file, target.xml, "event-gateway", message, "Let each way wait for something else.")
            seen.add(key)


def _awaited_of(node: Node) -> Iterator[tuple[str, str]]:
    for kind in ("message", "signal"):
        found = node.definition(kind)
        ref = node.xml.get("messageRef") if kind == "message" and found is None else None
        ref = ref or ("" if found is None else found.get(f"{kind}Ref") or "")
        if ref:
            yield kind, ref


def _plain(scope: Scope, node: Node, out: list[Flow]) -> Iterator[Finding]:
    if node.kind in ACTIVITIES and len(out) > 1 and not any(f.condition for f in out):
        message = f"{node.words} has {len(out)} flows leading out of it, which is not run as drawn."
        mend = "Put a gateway after it: parallel if all ways are taken, exclusive if one is."
        yield error(scope.file, node.xml, "several-flows-out", message, mend)
    elif len(out) > 1 and node.kind in {"intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"}:
        message = f"{node.words} has {len(out)} flows leading out of it, which is not run as drawn."
        yield error(scope.file, node.xml, "several-flows-out", message, "Put a parallel gateway after it.")
    elif len(out) > 1 and node.kind == "startEvent":
        message = f"{node.words} has {len(out)} flows leading out of it: all of them are taken."
        yield warning(scope.file, node.xml, "several-flows-out", message, "Put a parallel gateway after it.")
    for flow in out:
        if flow.condition is not None:
            yield _pointless(scope, node, flow)


def _pointless(scope: Scope, node: Node, flow: Flow) -> Finding:
    message = f"A flow out of {node.mention} has a condition, which would never be looked at."
    mend = "Put an exclusive gateway there and write the condition on its flows."
    return error(scope.file, flow.xml, "condition-misplaced", message, mend)


def _expressions(scope: Scope) -> Iterator[Finding]:
    for flow in scope.flows:
        source = scope.nodes.get(flow.source)
        if not flow.condition or source is None or source.kind not in DECIDING:
            continue
        if flow.id and flow.id == source.xml.get("default"):
            continue
        found = flow.xml.find("bpmn:conditionExpression", NS)
        wrong = formulas.problem(flow.condition)
        if wrong:
            message = f"The condition of a flow out of {source.mention} is not one that can"
            message += f" be answered: {wrong}"
            mend = formulas.hint(flow.condition) or 'Write it as a comparison, such as  decision == "hold".'
            yield error(scope.file, found, "condition", message, mend)
