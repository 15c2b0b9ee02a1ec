"""Whether a diagram is too large to be run safely or read by people."""

from collections.abc import Iterator

from service.core.gate.finding import Finding, error
from service.core.gate.model import ACTIVITIES, Bundle, Node, Scope

CHOICES = {"exclusiveGateway", "inclusiveGateway", "eventBasedGateway", "complexGateway"}
MOST_ELEMENTS = 2_000
MOST_IN_LINE = 300
DEEPEST = 30
MOST_AHEAD = 20_000


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield diagrams with too many elements, too many tasks in a line, or sub-processes nested too deep."""
    for document in bundle.documents:
        inside = [s for s in bundle.scopes if s.file == document.path]
        count = sum(len(s.nodes) + len(s.flows) for s in inside)
        if count > MOST_ELEMENTS:
            message = f"This file draws {count:,} elements; more than {MOST_ELEMENTS:,} are not run."
            yield error(document.path, document.root, "too-many-elements", message, "Split it into several processes.")
    for scope in bundle.running:
        length = longest_line(scope)
        if length > MOST_IN_LINE:
            message = f"{scope.words} has {length} tasks in a line; more than {MOST_IN_LINE} are not run."
            yield error(scope.file, scope.xml, "too-long", message, "Move a stretch into a process of its own.")
        if ahead(scope) > MOST_AHEAD:
            message = f"{scope.words} splits into parallel ways again and again, so that the engine, which looks ahead"
            message += " along every combination of them, could not start it."
            mend = "Move some of the parallel stretches into processes of their own, and call them."
            yield error(scope.file, scope.xml, "too-many-ways-ahead", message, mend)
        for node in _rounds_without_choice(scope):
            message = f"{node.words} is part of a loop without a gateway that chooses: the engine, which looks ahead to"
            message += " the next choice, could not start it."
            mend = "Put an exclusive gateway into the loop, with a way out of it."
            yield error(scope.file, node.xml, "loop-without-choice", message, mend)
        if _depth(scope) > DEEPEST:
            message = f"{scope.words} stands inside more than {DEEPEST} sub-processes."
            yield error(scope.file, scope.xml, "too-deep", message, "Move it into a process of its own.")
            return


def longest_line(scope: Scope) -> int:
    """The greatest number of tasks on any way through a scope that passes no step twice (loops count once)."""
    after = {
        i: [*(f.target for f in scope.outgoing.get(i, ())), *(b.id for b in scope.boundaries(i))] for i in scope.nodes
    }
    best: dict[str, int] = {}
    for node_id in _last_first(after):
        own = 1 if scope.nodes[node_id].kind in ACTIVITIES else 0
        best[node_id] = own + max((best.get(t, 0) for t in after[node_id]), default=0)
    return max(best.values(), default=0)


def ahead(scope: Scope) -> int:
    """How many steps the engine lays out when it looks ahead: everything up to the next choice, once for each way."""
    after = {
        i: [] if scope.nodes[i].kind in CHOICES else [f.target for f in scope.outgoing.get(i, ())] for i in scope.nodes
    }
    laid: dict[str, int] = {}
    for node_id in _last_first(after):
        laid[node_id] = min(1 + sum(laid.get(t, 0) for t in after[node_id]), MOST_AHEAD + 1)
    return max(laid.values(), default=0)


def _rounds_without_choice(scope: Scope) -> list[Node]:
    """The first step of a loop that passes no choice, if there is one: found by taking away all that leads out."""
    after = {
        i: [] if scope.nodes[i].kind in CHOICES else [f.target for f in scope.outgoing.get(i, ())] for i in scope.nodes
    }
    count = {i: sum(t == i for targets in after.values() for t in targets) for i in after}
    free = [i for i, n in count.items() if n == 0]
    while free:
        for target in after.pop(free.pop()):
            count[target] -= 1
            if count[target] == 0:
                free.append(target)
    left = _last_first({i: [t for t in targets if t in after] for i, targets in after.items()})
    on_it = [i for i in left if any(t in after for t in after[i])]
    return [scope.nodes[min(on_it, key=list(scope.nodes).index)]] if on_it else []


def _last_first(after: dict[str, list[str]]) -> Iterator[str]:
    """Nodes so that each comes after all that follow it, flows back to an earlier step left aside."""
    seen: set[str] = set()
    for start, first in after.items():
        if start in seen:
            continue
        seen.add(start)
        path = [(start, iter(first))]
        while path:
            node_id, rest = path[-1]
            following = next((t for t in rest if t not in seen and t in after), None)
            if following is None:
                path.pop()
                yield node_id
            else:
                seen.add(following)
                path.append((following, iter(after[following])))


def _depth(scope: Scope) -> int:
    depth = 0
    while scope.parent is not None:
        scope, depth = scope.parent, depth + 1
    return depth
