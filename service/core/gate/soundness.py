"""Joins that can never complete, and steps done twice: found by playing the token game on each level of a diagram.

The game is bounded; where the bound is reached nothing is said. Conditions are not looked at: every way out of a
gateway counts as possible. A marking in which more than two tokens would lie on one flow is left aside for deadlocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from service.core.gate.finding import Finding, error, warning
from service.core.gate.model import Bundle, Flow, Node, Scope
from service.core.gate.tokens import Game, Marking

MAX_MARKINGS = 4_000


@dataclass(slots=True)
class Outcome:
    """What playing showed: joins stuck with the flows they lack, steps met by two tokens, and whether it was whole."""

    stuck: dict[str, set[str]]
    twice: set[str]
    fired: set[str]
    whole: bool


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield an error per join that cannot complete and a warning per step that two tokens reach."""
    for scope in bundle.running:
        if not _playable(scope):
            continue
        outcome = play(scope)
        for node_id, lacking in outcome.stuck.items():
            yield _stuck(scope, scope.nodes[node_id], lacking, ever=node_id in outcome.fired)
        for node_id in sorted(outcome.twice - set(outcome.stuck)):
            node = scope.nodes[node_id]
            message = f"{node.words} is reached by ways that run at the same time, so what follows may be done twice."
            mend = "Join parallel ways with a parallel (or inclusive) gateway before it."
            yield warning(scope.file, node.xml, "done-twice", message, mend)


def _playable(scope: Scope) -> bool:
    """Levels whose flows are whole; what is wrong with the others is said elsewhere."""
    if scope.kind == "adHocSubProcess" or len(scope.nodes) > 600:
        return False
    whole = all(f.source in scope.nodes and f.target in scope.nodes for f in scope.flows)
    return whole and not any(
        n.kind == "complexGateway" or n.definition("link") is not None for n in scope.nodes.values()
    )


def _stuck(scope: Scope, node: Node, lacking: set[str], *, ever: bool) -> Finding:
    flows = {f.id: f for f in scope.incoming.get(node.id, ())}
    sources = sorted({_name(scope, flows[i]) for i in lacking if i in flows})
    wait = " and ".join(f"“{s}”" for s in sources) or "a way that is not taken"
    often = "may wait for ever for" if ever else "would wait for ever for"
    message = f"{node.words} joins ways that do not all come: it {often} the way from {wait}."
    mend = "Join with the kind of gateway that split the ways: exclusive with exclusive, parallel with parallel."
    return error(scope.file, node.xml, "join-never-completes", message, mend)


def _name(scope: Scope, flow: Flow) -> str:
    node = scope.nodes[flow.source]
    return node.name or node.id


def play(scope: Scope) -> Outcome:
    """Play every start of a scope to the end, within the bound."""
    game = Game(scope)
    outcome = Outcome({}, set(), set(), whole=True)
    for start in scope.of_kind("startEvent"):
        _play_from(game, game.started(start.id), outcome)
    return outcome


def _play_from(game: Game, first: Marking, outcome: Outcome) -> None:
    seen = {first}
    waiting = [first]
    while waiting:
        marking = waiting.pop()
        outcome.twice |= game.crowded(marking)
        chosen = game.choose(marking)
        if chosen is None:
            if not marking.tainted:
                _note_stuck(game, marking, outcome)
            continue
        outcome.fired.add(chosen)
        for following in game.fire(marking, chosen):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
        if len(seen) > MAX_MARKINGS:
            outcome.whole = False
            return


def _note_stuck(game: Game, marking: Marking, outcome: Outcome) -> None:
    for node_id in game.waiting_joins(marking):
        lacking = {f for f in game.inputs[node_id] if f not in marking.flows}
        outcome.stuck.setdefault(node_id, set()).update(game.flow_ids[f] for f in lacking)


def play_on(scope: Scope, first: Marking) -> Outcome | None:
    """Play a scope on from where the tokens of a running case lie; ``None`` for a scope that cannot be played."""
    if not _playable(scope):
        return None
    outcome = Outcome({}, set(), set(), whole=True)
    _play_from(Game(scope), first, outcome)
    return outcome
