"""A deployment as the gate's rules see it: scopes (a process, or a sub-process inside one) of nodes and flows.

Plain, tolerant reading: a reference that leads nowhere stays a text, so that a rule can say so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from service.core import local_rules
from service.core.gate.xml_door import BPMN, NS, Document

SUB_PROCESSES = {"subProcess", "transaction", "adHocSubProcess"}
TASKS = {
    "task", "userTask", "manualTask", "scriptTask", "serviceTask", "sendTask", "receiveTask", "businessRuleTask",
}  # fmt: skip
ACTIVITIES = TASKS | SUB_PROCESSES | {"callActivity"}
GATEWAYS = {"exclusiveGateway", "inclusiveGateway", "parallelGateway", "eventBasedGateway", "complexGateway"}
EVENTS = {"startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"}
NODES = ACTIVITIES | GATEWAYS | EVENTS | {"subChoreography", "callChoreography", "choreographyTask"}
WORDS = {
    "task": "task", "userTask": "user task", "manualTask": "manual task", "scriptTask": "script task",
    "serviceTask": "service task", "sendTask": "send task", "receiveTask": "receive task",
    "businessRuleTask": "decision", "callActivity": "called process", "subProcess": "sub-process",
    "transaction": "transaction", "adHocSubProcess": "ad-hoc sub-process", "exclusiveGateway": "exclusive gateway",
    "inclusiveGateway": "inclusive gateway", "parallelGateway": "parallel gateway",
    "eventBasedGateway": "event-based gateway", "complexGateway": "complex gateway", "startEvent": "start event",
    "endEvent": "end event", "intermediateCatchEvent": "waiting event", "intermediateThrowEvent": "throwing event",
    "boundaryEvent": "boundary event",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A flow node: its id, BPMN kind, name, element, and for a boundary event what it hangs on."""

    id: str
    kind: str
    name: str
    xml: etree._Element
    attached_to: str | None

    @property
    def words(self) -> str:
        """How a sentence calls it: the kind in plain words, and its name or id."""
        return f"The {WORDS.get(self.kind, self.kind)} “{self.name or self.id}”"

    @property
    def mention(self) -> str:
        """The same inside a sentence."""
        return "t" + self.words[1:]

    @property
    def interrupts(self) -> bool:
        """Whether a boundary event ends the activity it hangs on."""
        return not is_false(self.xml.get("cancelActivity"))

    def definitions(self) -> list[etree._Element]:
        """The event definitions of an event, in the order written."""
        return [c for c in self.xml if isinstance(c.tag, str) and local(c).endswith("EventDefinition")]

    def definition(self, kind: str) -> etree._Element | None:
        """The definition of one kind (``"timer"``, ``"message"`` …), or ``None``."""
        return self.xml.find(f"bpmn:{kind}EventDefinition", NS)

    def properties(self) -> dict[str, str]:
        """The properties people set in the panel."""
        return properties_of(self.xml)


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """A sequence flow; ``condition`` is ``None`` when there is no condition at all, ``""`` when it is empty."""

    id: str
    source: str
    target: str
    xml: etree._Element
    condition: str | None


@dataclass(slots=True, eq=False)
class Scope:
    """One level of a diagram. ``outgoing`` and ``incoming`` hold only flows whose two ends are on this level."""

    file: str
    xml: etree._Element
    id: str
    kind: str
    executable: bool
    parent: "Scope | None"
    process: str
    nodes: dict[str, Node] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)
    outgoing: dict[str, list[Flow]] = field(default_factory=dict)
    incoming: dict[str, list[Flow]] = field(default_factory=dict)
    hanging: dict[str, list[Node]] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """How a sentence calls it."""
        kind = "process" if self.kind == "process" else WORDS.get(self.kind, "sub-process")
        return f"The {kind} “{self.xml.get('name') or self.id}”"

    @property
    def event_driven(self) -> bool:
        """Whether this is an event sub-process."""
        return is_true(self.xml.get("triggeredByEvent"))

    def of_kind(self, *kinds: str) -> Iterator[Node]:
        """The nodes of these kinds, in the order written."""
        return (n for n in self.nodes.values() if n.kind in kinds)

    def boundaries(self, node_id: str) -> list[Node]:
        """The boundary events hanging on a node."""
        return self.hanging.get(node_id, [])


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """All that is deployed together. ``json`` maps a path to its parsed value."""

    documents: tuple[Document, ...]
    tables: tuple[Document, ...]
    scopes: tuple[Scope, ...]
    json: Mapping[str, object]

    @property
    def running(self) -> list[Scope]:
        """The scopes that will be run: those of executable processes."""
        return [s for s in self.scopes if s.executable]

    @property
    def local(self) -> dict[str, object]:
        """The values of the local rules by id, as far as the file can be read."""
        return dict(local_rules.values_of(self.named("local_rules.json")))

    def document_of(self, path: str) -> Document:
        """The document read from ``path``."""
        return next(d for d in self.documents if d.path == path)

    def processes(self) -> dict[str, Scope]:
        """Top-level scopes by process id; of two with one id the first."""
        found: dict[str, Scope] = {}
        for scope in self.scopes:
            if scope.parent is None:
                found.setdefault(scope.id, scope)
        return found

    def named(self, name: str) -> object:
        """The parsed ``<name>.json`` of the processes folder, or ``None``."""
        return next((v for p, v in self.json.items() if p in {name, f"processes/{name}"}), None)

    def forms(self) -> dict[str, object]:
        """Forms by key."""
        found = {p: p.rsplit("/", 1) for p in self.json if "/" in p}
        return {
            name[1].removesuffix(".json"): self.json[p] for p, name in found.items()
            if name[0].rsplit("/", 1)[-1] == "forms"
        }  # fmt: skip


def local(node: etree._Element) -> str:
    """The tag without its namespace."""
    return node.tag.rsplit("}", 1)[-1] if isinstance(node.tag, str) else ""


def is_true(value: str | None) -> bool:
    """Whether an XML boolean is given and true."""
    return (value or "").strip() in {"true", "1"}


def is_false(value: str | None) -> bool:
    """Whether an XML boolean is given and false."""
    return (value or "").strip() in {"false", "0"}


def text_of(node: etree._Element | None) -> str:
    """The text of an element, without the space around it."""
    return "" if node is None else "".join(str(t) for t in node.itertext()).strip()


def properties_of(node: etree._Element) -> dict[str, str]:
    """The ``spiffworkflow:property`` values of an element."""
    found = node.iterfind("bpmn:extensionElements/spiff:properties/spiff:property", NS)
    return {p.get("name", ""): p.get("value", "") for p in found}


def called_by(node: Node) -> str:
    """The id of the process a call activity names, without a namespace prefix."""
    return (node.xml.get("calledElement") or "").rsplit(":", 1)[-1].strip()


def scopes_of(document: Document) -> Iterator[Scope]:
    """Every process of a document and every sub-process inside, outermost first."""
    for process in document.root.iterfind("bpmn:process", NS):
        yield from _scopes(document, process, None)


def _scopes(document: Document, xml: etree._Element, parent: Scope | None) -> Iterator[Scope]:
    own = xml.get("id", "")
    executable = parent.executable if parent else not is_false(xml.get("isExecutable"))
    scope = Scope(document.path, xml, own, local(xml), executable, parent, parent.process if parent else own)
    inner: list[etree._Element] = []
    for child in xml.iterchildren(f"{{{BPMN}}}*"):
        kind = local(child)
        if kind == "sequenceFlow":
            scope.flows.append(_flow(child))
        elif kind in NODES:
            node = Node(child.get("id", ""), kind, _one_line(child.get("name")), child, child.get("attachedToRef"))
            scope.nodes.setdefault(node.id, node)
            inner.extend([child] if kind in SUB_PROCESSES else [])
    _connect(scope)
    yield scope
    for child in inner:
        yield from _scopes(document, child, scope)


def _flow(xml: etree._Element) -> Flow:
    condition = xml.find("bpmn:conditionExpression", NS)
    text = None if condition is None else text_of(condition)
    return Flow(xml.get("id", ""), xml.get("sourceRef", ""), xml.get("targetRef", ""), xml, text)


def _connect(scope: Scope) -> None:
    for flow in scope.flows:
        if flow.source in scope.nodes and flow.target in scope.nodes:
            scope.outgoing.setdefault(flow.source, []).append(flow)
            scope.incoming.setdefault(flow.target, []).append(flow)
    for node in scope.nodes.values():
        if node.attached_to:
            scope.hanging.setdefault(node.attached_to, []).append(node)


def _one_line(name: str | None) -> str:
    return " ".join((name or "").split())
