"""The token game on one level of a diagram: markings, which step may move, and what moving leads to.

Every flow has one step at its end, so steps compete only with themselves; it is enough to move one step at a time
(all its outcomes), which keeps the number of markings small and loses no deadlock.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from service.core.gate.model import ACTIVITIES, Node, Scope, is_true

MOST_WAYS = 6


@dataclass(frozen=True, slots=True)
class Marking:
    """Where tokens lie: on flows (by number), and in activities that can still be interrupted or set off more.

    ``second`` are the flows that hold two. ``tainted`` once a third would come: then the picture is incomplete.
    """

    flows: frozenset[int]
    second: frozenset[int] = frozenset()
    busy: frozenset[tuple[str, frozenset[str]]] = frozenset()
    tainted: bool = False


class Game:
    """The rules of one scope. ``inputs`` and ``outputs`` give a step's flows by number."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.flow_ids = [f.id for f in scope.flows]
        self.inputs: dict[str, list[int]] = {i: [] for i in scope.nodes}
        self.outputs: dict[str, list[int]] = {i: [] for i in scope.nodes}
        self.target: list[str] = []
        for number, flow in enumerate(scope.flows):
            self.inputs[flow.target].append(number)
            self.outputs[flow.source].append(number)
            self.target.append(flow.target)
        self.hosts = {i for i in scope.nodes if scope.boundaries(i)}
        self._reaching: dict[str, dict[str, frozenset[int]]] = {}

    def started(self, start_id: str) -> Marking:
        """The marking after one start event."""
        return self._put(Marking(frozenset()), self.outputs[start_id])

    def standing(self, marking: Marking, node_id: str, came_from: str | None, fired: frozenset[str]) -> Marking:
        """The marking with one more token of a running case: in a step, or on its way from ``came_from`` to a join."""
        if node_id in self.hosts:
            return replace(marking, busy=marking.busy | {(node_id, fired)})
        ways = [f for f in self.inputs[node_id] if came_from in {None, self.scope.flows[f].source}]
        return self._put(marking, ways[:1] or self.outputs[node_id])

    def choose(self, marking: Marking) -> str | None:
        """The step to move next: one without a merge if there is one, so that meeting tokens are seen together."""
        best: tuple[int, int, str] | None = None
        for node_id in self._candidates(marking):
            rank = (self._rank(node_id), min(self.inputs[node_id], default=0), node_id)
            best = rank if best is None or rank < best else best
        return best[2] if best else None

    def _candidates(self, marking: Marking) -> Iterator[str]:
        for node_id in {self.target[f] for f in marking.flows}:
            if self._enabled(marking, node_id):
                yield node_id
        for node_id, _ in marking.busy:
            yield node_id

    def _rank(self, node_id: str) -> int:
        kind = self.scope.nodes[node_id].kind
        if kind == "parallelGateway":
            return 0
        if kind == "inclusiveGateway" and len(self.inputs[node_id]) > 1:
            return 3
        return 2 if len(self.inputs[node_id]) > 1 else 1

    def _enabled(self, marking: Marking, node_id: str) -> bool:
        kind = self.scope.nodes[node_id].kind
        if kind == "parallelGateway":
            return all(f in marking.flows for f in self.inputs[node_id])
        if kind == "inclusiveGateway" and len(self.inputs[node_id]) > 1:
            return self._inclusive_ready(marking, node_id)
        return True

    def crowded(self, marking: Marking) -> set[str]:
        """Steps other than joins that have two tokens before them at once."""
        met: dict[str, int] = {}
        for flow in marking.flows:
            node = self.scope.nodes[self.target[flow]]
            if node.kind not in {"parallelGateway", "inclusiveGateway", "endEvent"}:
                met[node.id] = met.get(node.id, 0) + 1
        doubled = {self.target[f] for f in marking.second}
        return {i for i, count in met.items() if count > 1 or i in doubled}

    def waiting_joins(self, marking: Marking) -> list[str]:
        """Joins that hold some of their tokens and not the others."""
        return sorted({self.target[f] for f in marking.flows})

    def fire(self, marking: Marking, node_id: str) -> Iterator[Marking]:
        """Every marking that moving ``node_id`` can lead to."""
        node = self.scope.nodes[node_id]
        busy = next((b for b in marking.busy if b[0] == node_id), None)
        if busy is not None:
            yield from self._work(replace(marking, busy=marking.busy - {busy}), node_id, busy[1])
            return
        ways_in = [f for f in self.inputs[node_id] if f in marking.flows]
        joins = node.kind in {"parallelGateway", "inclusiveGateway"}
        taken = ways_in if joins else ways_in[:1]
        gone = set(taken)
        left = replace(marking, flows=marking.flows - (gone - marking.second), second=marking.second - gone)
        if node_id in self.hosts:
            if any(b[0] == node_id for b in left.busy):
                left = replace(left, tainted=True)
            yield replace(left, busy=left.busy | {(node_id, frozenset())})
        else:
            yield from self._leave(left, node)

    def _leave(self, marking: Marking, node: Node) -> Iterator[Marking]:
        out = self.outputs[node.id]
        if node.kind == "endEvent":
            ends_all = node.definition("terminate") is not None or node.definition("error") is not None
            yield Marking(frozenset()) if ends_all or node.definition("cancel") is not None else marking
        elif node.kind in {"exclusiveGateway", "eventBasedGateway"}:
            for flow in out:
                yield self._put(marking, [flow])
        elif node.kind == "inclusiveGateway" or _splits_by_condition(self.scope, node):
            for size in range(1, len(out) + 1) if len(out) <= MOST_WAYS else (1, len(out)):
                for chosen in combinations(out, size):
                    yield self._put(marking, list(chosen))
        else:
            yield self._put(marking, out)

    def _work(self, marking: Marking, node_id: str, already: frozenset[str]) -> Iterator[Marking]:
        """An activity with boundary events: it finishes, is interrupted, or sets off something beside it once."""
        yield from self._leave(marking, self.scope.nodes[node_id])
        for event in self.scope.boundaries(node_id):
            if event.interrupts:
                yield self._put(marking, self.outputs[event.id])
            elif event.id not in already:
                going_on = replace(marking, busy=marking.busy | {(node_id, already | {event.id})})
                yield self._put(going_on, self.outputs[event.id])

    def _put(self, marking: Marking, flows: list[int]) -> Marking:
        new = set(flows)
        return replace(
            marking, flows=marking.flows | new, second=marking.second | (new & marking.flows),
            tainted=marking.tainted or bool(new & marking.second),
        )  # fmt: skip

    def _inclusive_ready(self, marking: Marking, node_id: str) -> bool:
        full = [f for f in self.inputs[node_id] if f in marking.flows]
        empty = [f for f in self.inputs[node_id] if f not in marking.flows]
        if not full or not empty:
            return bool(full)
        places = [self.target[f] for f in marking.flows if self.target[f] != node_id]
        places += [b[0] for b in marking.busy]
        for place in places:
            ways = self._reached_inputs(node_id, place)
            if ways & set(empty) and not ways & set(full):
                return False
        return True

    def _reached_inputs(self, join: str, place: str) -> frozenset[int]:
        """The inputs of ``join`` that a token at ``place`` may still arrive on, not passing the join itself."""
        known = self._reaching.setdefault(join, {})
        if place not in known:
            found: set[int] = set()
            seen, waiting = {place}, [place]
            while waiting:
                here = waiting.pop()
                steps = [*self.outputs[here], *(f for b in self.scope.boundaries(here) for f in self.outputs[b.id])]
                for flow in steps:
                    if self.target[flow] == join:
                        found.add(flow)
                    elif self.target[flow] not in seen:
                        seen.add(self.target[flow])
                        waiting.append(self.target[flow])
            known[place] = frozenset(found)
        return known[place]


def _splits_by_condition(scope: Scope, node: Node) -> bool:
    if node.kind not in ACTIVITIES or is_true(node.xml.get("triggeredByEvent")):
        return False
    return any(f.condition for f in scope.outgoing.get(node.id, ()))
