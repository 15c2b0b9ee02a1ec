"""Places where a case may rest: whether each can be waited at, and says what the case is then."""

import re
from collections.abc import Iterator

from service.core.gate.finding import Finding, error
from service.core.gate.model import Bundle

KINDS = frozenset({"eventBasedGateway", "intermediateCatchEvent", "receiveTask"})
OUTCOME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what is wrong with the property ``rests``."""
    for scope in bundle.running:
        for node in scope.nodes.values():
            properties = node.properties()
            if "rests_name" in properties and "rests" not in properties:
                message = f"{node.words} names a rest (rests_name), but not its outcome (rests)."
                yield error(scope.file, node.xml, "rests", message, "Set both, or neither.")
            if "rests" not in properties:
                continue
            if node.kind not in KINDS:
                message = f"{node.words} cannot be a place where a case rests: nothing is waited for there."
                mend = "Set the property “rests” on a waiting event, or on a wait for what comes first."
                yield error(scope.file, node.xml, "rests", message, mend)
            elif not OUTCOME.fullmatch(properties["rests"]):
                message = f"{node.words} has the outcome “{properties['rests'][:64]}”, which is no key."
                yield error(scope.file, node.xml, "rests", message, "Use small letters, digits and _.")
            elif not (properties.get("rests_name") or node.name).strip():
                message = f"{node.words} has no name, so nobody could read what a case is that rests there."
                yield error(scope.file, node.xml, "rests", message, "Name it, or set the property “rests_name”.")
