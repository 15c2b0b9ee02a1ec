"""What moving a case to another version of its definition would do: tried without writing, and put into words.

A step already refuses what cannot stand in the new version. Here what can stand is played on from where it stands, as
the gate plays every diagram from its start: a case is not moved to where a join would wait for ever, or where a step
would be done twice. This is asked before a case is moved and never when its history is run again, so a later release
may judge better without doubting what was done.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from service.core import gate
from service.core.commands import MigrateInstance
from service.core.definitions import ProcessDefinition
from service.core.diagram_words import listed
from service.core.engine.standing import Standing, standing
from service.core.engine.step import Outcome, step
from service.core.errors import BrokenRule, Problem, Rejection, StepFailed
from service.core.gate.model import Scope
from service.core.gate.soundness import play, play_on
from service.core.gate.tokens import Game, Marking
from service.core.migration_words import sentences

UNCHANGED = "Moves unchanged"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a move would do, in ``sentences``; or ``problems``, every reason why it cannot be made.

    A problem's ``field`` is ``process:element``, as a plan names it, where naming another element would help.
    """

    sentences: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether the case can be moved."""
        return not self.problems


@dataclass(frozen=True)
class Migration:
    """A version to move cases to, and the names that change on the way: old to new."""

    new: ProcessDefinition
    plan: Mapping[str, str]

    @cached_property
    def _scopes(self) -> dict[str, Scope]:
        return gate.scopes(self.new.files)

    def command(self, former: ProcessDefinition, record: str | None = None) -> MigrateInstance:
        """The command that moves a case from ``former``; ``record`` is the hash of the reason given."""
        return MigrateInstance(former.hash, dict(self.plan), record)

    def preview(
        self, former: ProcessDefinition, state: bytes, *, instance_id: str, at: datetime, seq: int
    ) -> Preview:  # fmt: skip
        """Try the move of one case as step ``seq`` at ``at``. Never raises for what the case or the version is."""
        try:
            outcome = step(
                self.new, state, self.command(former), instance_id=instance_id, at=at, seq=seq, former=former
            )
        except BrokenRule as refused:
            return Preview(problems=refused.problems or (Problem("", refused.message),))
        except Rejection as refused:
            return Preview(problems=(Problem("", refused.message),))
        except StepFailed as failed:
            where = f"“{failed.element}”: " if failed.element else ""
            return Preview(problems=(Problem("", f"the move fails at {where}{failed}"),))
        return self._told(former, state, outcome)

    def _told(self, former: ProcessDefinition, state: bytes, outcome: Outcome) -> Preview:
        if outcome.outcome is None or outcome.rests:
            after = standing(self.new, outcome.state)
            problems = tuple(self._judge(after))
            if problems:
                return Preview(problems=problems)
            said = sentences(former, self.new, standing(former, state), after, outcome.events)
        else:
            said = sentences(former, self.new, standing(former, state), None, outcome.events)
        return Preview(tuple(dict.fromkeys(said)) or (UNCHANGED,))

    def _judge(self, after: Standing) -> Iterator[Problem]:
        """Play every level on from where it stands; what a start of the diagram does too is not held against it."""
        for level, tokens in after.tokens:
            scope = self._scopes.get(level)
            if scope is None or any(t.element not in scope.nodes for t in tokens):
                continue
            game, marking = Game(scope), Marking(frozenset())
            for token in tokens:
                marking = game.standing(marking, token.element, token.came_from, token.fired)
            found = play_on(scope, marking)
            if found is None:
                continue
            usual = play(scope)
            for join in sorted(found.stuck.keys() - usual.stuck.keys()):
                yield _stuck(scope, join, found.stuck[join])
            for element in sorted(found.twice - usual.twice - found.stuck.keys()):
                yield Problem(f"{scope.process}:{element}", _twice(_name(scope, element)))


def _twice(name: str) -> str:
    return f"“{name}” would be done twice: two of the ways this case goes lead there, and nothing joins them before."


def _stuck(scope: Scope, join: str, lacking: set[str]) -> Problem:
    sources = listed(sorted({f"“{_name(scope, f.source)}”" for f in scope.flows if f.id in lacking}))
    text = f"“{_name(scope, join)}” would wait for ever for the way from {sources}, which this case does not go."
    return Problem(f"{scope.process}:{join}", text)


def _name(scope: Scope, element: str) -> str:
    return scope.nodes[element].name or element
