"""Whether a diagram follows the BPMN 2.0 schema, and whether ids are used once.

The schema files travel with SpiffWorkflow; they are found as package resources and compiled once.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from importlib import resources

from lxml import etree

from service.core.gate.finding import Finding, error, line_of
from service.core.gate.xml_door import NS, Document, parser

_NAMESPACE = re.compile(r"\{[^}]*\}")
_MOST = 20


@cache
def _schema() -> etree.XMLSchema:
    with resources.as_file(resources.files("SpiffWorkflow") / "bpmn" / "parser" / "schema" / "BPMN20.xsd") as path:
        return etree.XMLSchema(etree.parse(str(path), parser()))


def findings(document: Document) -> Iterator[Finding]:
    """Yield one error per place where a BPMN document breaks the schema (the first twenty)."""
    duplicates = list(_duplicates(document))
    yield from duplicates
    schema = _schema()
    schema.validate(_as_validated(document.root))
    told = 0
    for entry in list(schema.error_log):  # type: ignore[call-overload]
        if "xs:ID'" in entry.message and duplicates:
            continue
        told += 1
        if told > _MOST:
            return
        message = f"This does not follow the BPMN 2.0 schema: {_NAMESPACE.sub('', entry.message)}"
        mend = "Draw this part again in a BPMN 2.0 editor, or correct the file at this line."
        yield Finding(document.path, entry.line, _id_near(document, entry.line), "error", "schema", message, mend)


def _as_validated(root: etree._Element) -> etree._Element:
    """The tree with the one form that common editors write and the schema spells otherwise (retrieval expressions)."""
    found = ".//bpmn:correlationPropertyRetrievalExpression/bpmn:formalExpression"
    if root.find(found, NS) is None:
        return root
    copy = deepcopy(root)
    for node in copy.iterfind(found, NS):
        node.tag = f"{{{NS['bpmn']}}}messagePath"
    return copy


def _duplicates(document: Document) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for node in document.root.iter():
        own = node.get("id")
        if own is None or _inside_extension(node):
            continue
        if own in seen:
            message = f"The id “{own}” is used twice: the first is on line {seen[own]}."
            yield error(document.path, node, "duplicate-id", message, "Give one of the two another id.")
        else:
            seen[own] = line_of(node) or 0


def _inside_extension(node: etree._Element) -> bool:
    return any(a.tag == f"{{{NS['bpmn']}}}extensionElements" for a in node.iterancestors())


def _id_near(document: Document, line: int) -> str | None:
    best = None
    for node in document.root.iter():
        if (line_of(node) or 0) > line:
            break
        best = node.get("id") or best
    return best
