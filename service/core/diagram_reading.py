"""What a diagram says about each of its elements, as named values that can be compared and shown.

Promises: reads every element a person can select, its properties, timer, condition, message, loop and lane; knows
nothing of whether they are right (``core.gate`` does), and resolves and fetches nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
SPIFF = "http://spiffworkflow.org/bpmn/schema/1.0/core"
BPMNDI = "http://www.omg.org/spec/BPMN/20100524/DI"
NS = {"bpmn": BPMN, "spiff": SPIFF, "di": BPMNDI}

FLOW = "sequenceFlow"
NODES = ("Task", "Event", "Gateway")
OTHERS = frozenset({"task", "callActivity", "subProcess", "lane", "participant", FLOW, "process"})
DEFAULTS = {
    "cancelActivity": "true", "isSequential": "false", "isInterrupting": "true", "triggeredByEvent": "false",
    "parallelMultiple": "false", "instantiate": "false", "isForCompensation": "false",
}  # fmt: skip
"""Attributes that say nothing when they have their default; editors leave them out."""
TIMERS = ("timeDate", "timeDuration", "timeCycle")


@dataclass(frozen=True, slots=True)
class Drawn:
    """An element of a diagram: its BPMN kind (``userTask``), its name or id, and its values by field."""

    id: str
    kind: str
    name: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Diagram:
    """All elements of one file by id, in the file's order, and where each is drawn."""

    elements: Mapping[str, Drawn]
    places: Mapping[str, tuple[float, ...]]


def tree(text: str) -> etree._Element:
    """Parse XML that may come from anywhere. Raises ``etree.XMLSyntaxError``."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    return etree.fromstring(text.encode(), parser)


def read(text: str) -> Diagram:
    """Read one BPMN file. Raises ``etree.XMLSyntaxError`` if it is not XML."""
    root = tree(text)
    lanes = {
        (reference.text or "").strip(): lane.get("name", "")
        for lane in root.iterfind(".//bpmn:lane", NS)
        for reference in lane.iterfind("bpmn:flowNodeRef", NS)
    }
    messages = {node.get("id", ""): node.get("name", "") for node in root.iterfind(".//bpmn:message", NS)}
    names = {node.get("id", ""): _name(node) for node in root.iter(f"{{{BPMN}}}*") if node.get("id")}
    drawn = [_drawn(node, lanes, messages, names) for node in root.iter(f"{{{BPMN}}}*") if _is_drawn(node)]
    return Diagram({element.id: element for element in drawn}, _places(root))


def same_but_for_the_drawing(one: str, other: str) -> bool:
    """True if two BPMN files say the same, whatever their drawings, white space, order of attributes and defaults."""
    return _without_drawing(one) == _without_drawing(other)


def _without_drawing(text: str) -> bytes:
    root = tree(text)
    for drawing in root.findall(f"{{{BPMNDI}}}BPMNDiagram"):
        root.remove(drawing)
    for node in root.iter():
        node.text = (node.text or "").strip() or None
        node.tail = None
        for name, default in DEFAULTS.items():
            if node.get(name) == default:
                del node.attrib[name]
    return bytes(etree.tostring(root, method="c14n"))


def plain_text(text: str | None) -> str:
    """Return ``text`` with every run of white space as one space."""
    return " ".join((text or "").split())


def _name(node: etree._Element) -> str:
    return plain_text(node.get("name")) or node.get("id", "")


def _is_drawn(node: etree._Element) -> bool:
    kind = etree.QName(node).localname
    return bool(node.get("id")) and (kind in OTHERS or kind.endswith(NODES))


def _drawn(
    node: etree._Element, lanes: Mapping[str, str], messages: Mapping[str, str], names: Mapping[str, str]
) -> Drawn:
    kind = etree.QName(node).localname
    found = {key: value for key, value in _values(node, kind, messages) if value}
    if lanes.get(node.get("id", "")):
        found["lane"] = lanes[node.get("id", "")]
    for end in ("sourceRef", "targetRef", "default", "attachedToRef"):
        if node.get(end):
            found[end] = names.get(node.get(end, ""), node.get(end, ""))
    return Drawn(node.get("id", ""), kind, _name(node), found)


def _values(node: etree._Element, kind: str, messages: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "called", plain_text(node.get("calledElement"))
    for child in node.iterfind("bpmn:extensionElements/*", NS):
        yield from _extension(child)
    for timer in TIMERS:
        yield timer, plain_text(node.findtext(f"bpmn:timerEventDefinition/bpmn:{timer}", "", NS))
    yield "condition", plain_text(node.findtext("bpmn:conditionExpression", "", NS))
    yield "script", (node.findtext("bpmn:script", "", NS) or "").strip()
    received = node.find("bpmn:messageEventDefinition", NS)
    if received is not None:
        yield "message", messages.get(received.get("messageRef", ""), "")
    if kind == "boundaryEvent":
        yield "interrupting", "no" if node.get("cancelActivity") == "false" else "yes"
    yield from _loop(node.find("bpmn:multiInstanceLoopCharacteristics", NS))


def _extension(child: etree._Element) -> Iterator[tuple[str, str]]:
    name = etree.QName(child).localname
    if name == "properties":
        for entry in child.iterfind("spiff:property", NS):
            yield entry.get("name", ""), plain_text(entry.get("value"))
    elif name == "instructionsForEndUser":
        yield "guidance", re.sub(r"[ \t]*\n[ \t]*", "\n", (child.text or "").strip())
    else:
        yield name, plain_text(child.text)


def _loop(loop: etree._Element | None) -> Iterator[tuple[str, str]]:
    if loop is None:
        return
    item = loop.find("bpmn:inputDataItem", NS)
    yield "list", plain_text(loop.findtext("bpmn:loopDataInputRef", "", NS))
    yield "item", "" if item is None else item.get("name", "")
    yield "sequential", "yes" if loop.get("isSequential") == "true" else ""


def _places(root: etree._Element) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for shape in root.iter(f"{{{BPMNDI}}}BPMNShape", f"{{{BPMNDI}}}BPMNEdge"):
        points = [part for part in shape if etree.QName(part).localname != "BPMNLabel"]
        found[shape.get("bpmnElement", "")] = tuple(float(value) for part in points for value in part.attrib.values())
    return found
