"""Flows between the same two nodes, told apart: each leads through an event of its own that does nothing.

The engine knows which nodes were passed, not which of two flows led from one to the other. Only scenarios are played
on such a diagram; no case ever runs on it.
"""

from collections import Counter

from lxml import etree

from service.core.diagram_reading import BPMN, tree

FLOW = f"{{{BPMN}}}sequenceFlow"


def told(text: str) -> str:
    """A diagram with its doubled flows apart; the same text when it has none. Flows keep their ids."""
    root = tree(text)
    flows = list(root.iter(FLOW))
    counted = Counter(map(_ends, flows))
    doubled = [flow for flow in flows if counted[_ends(flow)] > 1]
    for flow in doubled:
        _through_an_event(flow)
    return etree.tostring(root, encoding="unicode") if doubled else text


def _ends(flow: etree._Element) -> tuple[str | None, str | None]:
    return flow.get("sourceRef"), flow.get("targetRef")


def _through_an_event(flow: etree._Element) -> None:
    target, own = flow.get("targetRef", ""), flow.get("id", "")
    event = f"{own}.way"
    through = etree.Element(f"{{{BPMN}}}intermediateThrowEvent", {"id": event})
    flow.addnext(through)
    through.addnext(etree.Element(FLOW, {"id": f"{own}.on", "sourceRef": event, "targetRef": target}))
    flow.set("targetRef", event)
