"""A diagram or table as the engine is given it: what only documents is out, spellings it does not know made plain.

SpiffWorkflow refuses data stores, resolves data associations as if they moved data, and compares XML booleans with
the word ``true``. All of these are ordinary in diagrams of other editors and change nothing about what is run.
"""

from copy import deepcopy

from lxml import etree

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
DOCUMENTING = (
    "dataInputAssociation", "dataOutputAssociation", "ioSpecification", "dataStore", "dataStoreReference", "dataObject",
    "dataObjectReference", "property", "documentation", "textAnnotation", "association", "group", "category",
)  # fmt: skip
BOOLEANS = ("isExecutable", "triggeredByEvent", "cancelActivity", "isInterrupting", "isSequential", "testBefore")
REFERENCES = ("messageRef", "signalRef", "errorRef", "escalationRef", "attachedToRef", "processRef", "calledElement")


def diagram(root: etree._Element) -> etree._Element:
    """Return a copy of a diagram for the engine; the document itself is never changed."""
    copy = deepcopy(root)
    for kind in DOCUMENTING:
        for node in list(copy.iter(f"{{{BPMN}}}{kind}")):
            parent = node.getparent()
            if parent is not None:
                parent.remove(node)
    for number, flow in enumerate(copy.iter(f"{{{BPMN}}}sequenceFlow")):
        if not flow.get("id"):  # an id may be left out (BPMN 2.0, table 8.5); the engine would leave out the flow
            flow.set("id", f"unnamed_flow_{number}")
    known = {node.get("id") for node in copy.iter() if node.get("id")}
    for node in copy.iter(f"{{{BPMN}}}*"):
        _plain(node, known)
    return copy


def _plain(node: etree._Element, known: set[str | None]) -> None:
    for name in BOOLEANS:
        if node.get(name) in {"1", "0"}:
            node.set(name, "true" if node.get(name) == "1" else "false")
    for name in REFERENCES:
        value = node.get(name, "")
        bare = value.rsplit(":", 1)[-1]
        if ":" in value and (bare in known or name == "calledElement"):
            node.set(name, bare)


def table(root: etree._Element) -> etree._Element:
    """Return a copy of a decision table for the engine: annotations out, missing ids filled in, blank cells empty."""
    copy = deepcopy(root)
    for inner in copy.iter("{*}decisionTable"):
        for child in list(inner):
            if etree.QName(child).localname not in {"input", "output", "rule"}:
                inner.remove(child)
    for number, node in enumerate(copy.iter("{*}decisionTable", "{*}input", "{*}output", "{*}rule", "{*}inputEntry",
                                            "{*}outputEntry")):  # fmt: skip
        if not node.get("id"):
            node.set("id", f"unnamed_{number}")
    for text in copy.iter("{*}text"):
        if text.text is not None:
            text.text = text.text.strip() or None
    return copy


