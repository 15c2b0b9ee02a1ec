"""Files of decision tables: one decision each, a table, and nothing that would have to be worked out before it."""

from collections.abc import Iterator

from lxml import etree

from service.core.gate.finding import Finding, error, warning
from service.core.gate.model import Bundle, local
from service.core.gate.xml_door import Document


def findings(bundle: Bundle, document: Document) -> Iterator[Finding]:
    """Yield what keeps a file from being one decision table."""
    root, decisions = document.root, list(document.root.iterchildren("{*}decision"))
    if local(root) != "definitions" or "dmn" not in (etree.QName(root).namespace or "").lower():
        message = "This file is not a decision table of the DMN standard."
        yield error(document.path, root, "not-dmn", message, "Export it again from a DMN editor.")
    elif len(decisions) != 1:
        message = f"This file holds {len(decisions)} decisions; exactly one is read from a file."
        yield error(document.path, root, "one-decision", message, "Put each decision into a file of its own.")
    else:
        yield from _decision(document.path, decisions[0])
        yield from _required(bundle, document.path, decisions[0])


def _decision(path: str, decision: etree._Element) -> Iterator[Finding]:
    name = decision.get("name") or decision.get("id")
    tables = list(decision.iterchildren("{*}decisionTable"))
    if not tables:
        message = f"The decision “{name}” is not a table."
        yield error(path, decision, "not-a-table", message, "Write it as a decision table.")
    elif len(tables) > 1:
        message = f"The decision “{name}” has {len(tables)} tables; only the first would be looked at."
        yield error(path, tables[1], "several-tables", message, "Put each table into a decision and a file of its own.")
    elif not decision.get("id"):
        message = "The decision has no id, so no diagram can ask it."
        yield error(path, decision, "id-missing", message, "Give the decision an id.")


def _required(bundle: Bundle, path: str, decision: etree._Element) -> Iterator[Finding]:
    """What the drawing says must be known first, and is not worked out by itself here."""
    known = {d.get("id") for t in bundle.tables for d in t.root.iterchildren("{*}decision")}
    for required in decision.iterfind("{*}informationRequirement/{*}requiredDecision"):
        other = (required.get("href") or "").rpartition("#")[2]
        message = f"This decision builds on the decision “{other}”, which is not asked by itself here."
        mend = f"Ask “{other}” in a business rule task of its own, before this one."
        tell = warning if other in known else error
        yield tell(path, required, "decision-required", message, mend)
    for required in decision.iterfind("{*}knowledgeRequirement/{*}requiredKnowledge"):
        message = "This decision uses a piece of business knowledge, which is not read."
        mend = "Write what it works out into the table itself, and take the requirement out."
        yield warning(path, required, "knowledge-required", message, mend)
