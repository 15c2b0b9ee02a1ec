"""Pools, lanes, message flows and the drawing itself: what surrounds the processes on the page."""

import math
from collections.abc import Iterator, Mapping

from lxml import etree

from service.core.gate.finding import Finding, error, warning
from service.core.gate.model import Bundle, Scope, text_of
from service.core.gate.xml_door import NS, Document

DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
DDI = "{http://www.omg.org/spec/DD/20100524/DI}"


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what is wrong with message flows, lanes, names and the drawing."""
    for document in bundle.documents:
        scopes = [s for s in bundle.scopes if s.file == document.path]
        yield from _pools(document, bundle.processes())
        yield from _message_flows(document, scopes)
        yield from _loose_ends(document)
        yield from _lanes(document, scopes)
        yield from _numbers(document)
        yield from _drawn(document, scopes)
    for scope in bundle.running:
        yield from _names(scope)


def _pools(document: Document, known: Mapping[str, Scope]) -> Iterator[Finding]:
    elsewhere = document.root.find("bpmn:import", NS) is not None
    for pool in document.root.iterfind(".//bpmn:participant", NS):
        ref = (pool.get("processRef") or "").rsplit(":", 1)[-1]
        if ref and ref not in known and not elsewhere:
            message = f"The pool “{pool.get('name') or pool.get('id')}” is said to hold the process “{ref}”, which does"
            message += " not exist."
            mend = "Draw the process into the pool, or delete the reference."
            yield error(document.path, pool, "pool-without-process", message, mend)


def _loose_ends(document: Document) -> Iterator[Finding]:
    """References that only document, or say twice what the flows say already: pointing nowhere, they mislead."""
    ids = {e.get("id") for e in document.root.iter() if e.get("id")}
    refs = [(n, n.get("dataObjectRef")) for n in document.root.iterfind(".//bpmn:dataObjectReference", NS)]
    for kind in ("incoming", "outgoing"):
        refs += [(n, text_of(n)) for n in document.root.iterfind(f".//bpmn:{kind}", NS)]
    for kind in ("sourceRef", "targetRef"):
        refs += [(n, n.get(kind)) for n in document.root.iterfind(".//bpmn:association", NS)]
    for node, ref in refs:
        if ref and ref.rsplit(":", 1)[-1] not in ids:
            message = f"Something here points at “{ref}”, which does not exist."
            yield warning(document.path, node, "points-nowhere", message, "Save the diagram again in an editor.")


def _message_flows(document: Document, scopes: list[Scope]) -> Iterator[Finding]:
    owner: dict[str, str] = {n: s.process for s in scopes for n in s.nodes}
    kinds = {n.id: n.kind for s in scopes for n in s.nodes.values()}
    for pool in document.root.iterfind(".//bpmn:participant", NS):
        owner[pool.get("id", "")] = pool.get("processRef") or f"pool {pool.get('id')}"
    for flow in document.root.iterfind(".//bpmn:messageFlow", NS):
        ends = [(flow.get(side) or "").rsplit(":", 1)[-1] for side in ("sourceRef", "targetRef")]
        missing = [e for e in ends if e not in owner]
        if missing:
            message = f"A message flow begins or ends at “{missing[0]}”, and there is no such pool or step."
            yield error(document.path, flow, "message-flow", message, "Connect it again, or delete it.")
        elif told := _wrong_end(kinds.get(ends[0], ""), kinds.get(ends[1], "")):
            mend = "Connect it to a task, a message event or the border of the pool."
            yield error(document.path, flow, "message-flow", told, mend)
        elif owner[ends[0]] == owner[ends[1]]:
            message = "A message flow connects two parts of the same pool; it may only lead from one pool to another."
            yield error(document.path, flow, "message-flow", message, "Draw a sequence flow instead.")


def _wrong_end(source: str, target: str) -> str | None:
    """Why a message flow may not lead from one kind of step to another."""
    for kind, does in ((source, "begins"), (target, "ends")):
        if kind.endswith("Gateway"):
            return f"A message flow {does} at a gateway, which neither sends nor receives."
    if source in {"startEvent", "intermediateCatchEvent", "boundaryEvent"}:
        return "A message flow begins at an event that waits; such an event only receives."
    if target in {"endEvent", "intermediateThrowEvent"}:
        return "A message flow ends at an event that sends; such an event does not receive."
    return None


def _lanes(document: Document, scopes: list[Scope]) -> Iterator[Finding]:
    known = {n for s in scopes for n in s.nodes}
    ids = {e.get("id") for e in document.root.iter() if e.get("id")}
    placed: dict[str, etree._Element] = {}
    for ref in document.root.iterfind(".//bpmn:flowNodeRef", NS):
        lane, name = ref.getparent(), text_of(ref)
        if name not in known:
            message = f"A lane lists “{name}”, which does not exist or is no step."
            tell = warning if name in ids else error
            mend = "Delete the entry, or move the step there again."
            yield tell(document.path, ref, "lane-lists-nothing", message, mend)
        elif lane is not None:
            other = placed.setdefault(name, lane)
            if other is not lane and other not in lane.iterancestors() and lane not in other.iterancestors():
                message = f"The step “{name}” stands in two lanes, so it is not clear who does it."
                tell = error if other.getparent() is lane.getparent() else warning
                yield tell(document.path, ref, "two-lanes", message, "Move it into one lane.")


def _numbers(document: Document) -> Iterator[Finding]:
    wanted = ((f"{DC}Bounds", ("x", "y", "width", "height")), (f"{DDI}waypoint", ("x", "y")))
    for tag, names in wanted:
        for node in document.root.iter(tag):
            if any(not _is_number(node.get(name, "0")) for name in names):
                message = "A shape or line stands at a place that is no number."
                yield error(document.path, node, "drawing-number", message, "Move the shape in an editor and save.")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _drawn(document: Document, scopes: list[Scope]) -> Iterator[Finding]:
    if not scopes:
        return
    shapes = {(s.get("bpmnElement") or "").rsplit(":", 1)[-1] for s in document.root.iter(f"{DI}BPMNShape")}
    undrawn = [n for s in scopes for n in s.nodes.values() if n.id not in shapes]
    mend = "Open the diagram in an editor, lay it out and save it."
    if not shapes:
        message = "This diagram has no drawing: it runs, but nobody can look at it."
        yield warning(document.path, document.root, "no-drawing", message, mend)
    elif undrawn:
        message = f"{undrawn[0].words} is not drawn" + (f", nor are {len(undrawn) - 1} more." if undrawn[1:] else ".")
        yield warning(document.path, undrawn[0].xml, "no-drawing", message, mend)


def _names(scope: Scope) -> Iterator[Finding]:
    for node in scope.nodes.values():
        asks = node.kind in {"exclusiveGateway", "inclusiveGateway"} and len(scope.outgoing.get(node.id, ())) > 1
        if not node.name and (asks or node.kind in {"userTask", "manualTask"}):
            message = f"{node.words} has no name for people to read."
            mend = "Name a task by what is to be done, a gateway by the question it asks."
            yield warning(scope.file, node.xml, "no-name", message, mend)
