"""Loops that nobody could stop: automatic steps that go round on conditions nothing in the loop can change.

Says so only when sure: every step of the loop runs by itself, and no name its conditions read is set inside it.
"""

from collections.abc import Iterable, Iterator

from service.core.gate import formulas, scripts
from service.core.gate.finding import Finding, error
from service.core.gate.model import Bundle, Node, Scope

BY_ITSELF = {"scriptTask", "intermediateThrowEvent", "sendTask", "exclusiveGateway", "parallelGateway"}
MEND = "Set what the way out depends on inside the loop, or put a step into it that waits for somebody."


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield one error per level that has a loop which never ends once it is entered a second time."""
    for scope in bundle.running:
        for loop in _loops(scope):
            if _never_changes(scope, loop):
                node = next(scope.nodes[i] for i in scope.nodes if i in loop)
                message = f"{node.words} is part of a loop that runs by itself, and nothing in it changes what its way"
                message += " out depends on: it would go round for ever."
                yield error(scope.file, node.xml, "endless-loop", message, MEND)
                break


def _loops(scope: Scope) -> Iterator[set[str]]:
    """Every largest set of steps that lead round to each other, where all of them are automatic."""
    after = {i: [f.target for f in scope.outgoing.get(i, ())] for i in scope.nodes}
    before = {i: [f.source for f in scope.incoming.get(i, ())] for i in scope.nodes}
    left = {n.id for n in scope.nodes.values() if _runs_by_itself(scope, n)}
    while left:
        start = min(left)
        loop = _from(after[start], after) & _from(before[start], before)
        if start in loop and loop <= left:
            yield loop
        left -= loop | {start}


def _runs_by_itself(scope: Scope, node: Node) -> bool:
    repeated = node.xml.find("{*}multiInstanceLoopCharacteristics") is not None
    return node.kind in BY_ITSELF and not repeated and not scope.boundaries(node.id)


def _from(start: Iterable[str], step: dict[str, list[str]]) -> set[str]:
    found = set(start)
    waiting = list(found)
    while waiting:
        for other in step[waiting.pop()]:
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def _never_changes(scope: Scope, loop: set[str]) -> bool:
    """Whether a choice leads out of the loop, and all of its choices are made the same way in every turn."""
    nodes = [scope.nodes[i] for i in loop]
    flows = [f for i in loop for f in scope.outgoing.get(i, ())]
    choices = [f.condition for f in flows if f.condition and scope.nodes[f.source].kind == "exclusiveGateway"]
    leaves = any(f.target not in loop and scope.nodes[f.source].kind == "exclusiveGateway" for f in flows)
    if not choices or not leaves or any(scope.nodes[f.source].kind == "parallelGateway" for f in flows):
        return False
    given = {target.partition(".")[0] for n in nodes for s in scripts.scripts_of(n) for target, _ in _lines(s)}
    return not given & {name for text in choices for name in formulas.reads(text)}


def _lines(script: str) -> list[tuple[str, str]]:
    return formulas.assignments(script)
