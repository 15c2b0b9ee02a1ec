"""Timers of every kind on one task, met by schedulers late or on time and by a clock that jumps both ways.

What must come of it is worked out here a second time, in a few lines, without the engine: time only goes forward, what
is due goes off in the order of its instants, each once and never early, a deadline withdraws the task and all that
hangs on it, and whoever completes the task after its deadline is too late, swept or not.
"""

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from build import BEGIN, Played, a_definition, end, flow, timer, user
from service.core.commands import CompleteUserTask, FireTimers
from service.core.errors import NothingToDo, TaskClosed
from service.core.events import TimerFired

TURNS = 3
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_FLOWS = (
    flow("begin", "work", "done"), flow("chase", "chased"), flow("again", "told"), flow("deadline", "why", "late"),
    flow("slow", "waited"),
)  # fmt: skip
DEFINITION = a_definition(
    BEGIN, user("work"), end("done"), end("chased"), end("told"), user("why"), end("late"), end("waited"),
    timer("chase", "work", "timeDate", "chase_at"), timer("slow", "work", "timeDuration", '"P9D"'),
    timer("again", "work", "timeCycle", f'"R{TURNS}/P3D"'),
    timer("deadline", "work", "timeDate", "limit_at", interrupting=True), *_FLOWS,
)  # fmt: skip


@dataclass
class Model:
    """What must happen, worked out from the due instants alone."""

    chase_at: datetime
    limit_at: datetime
    now: datetime = START
    fired: list[tuple[str, datetime]] = field(default_factory=list)
    outcome: str | None = None

    def __post_init__(self) -> None:
        self.ahead = [("chase", self.chase_at), ("slow", START + timedelta(days=9)), ("deadline", self.limit_at)]
        self.ahead += [("again", START + timedelta(days=3 * n)) for n in range(1, TURNS + 1)]
        self.ahead.sort(key=lambda due: due[1])

    def pass_until(self, at: datetime) -> None:
        """Time goes on, never back."""
        self.now = max(self.now, at)
        while self.outcome is None and self.ahead and self.ahead[0][1] < self.now:
            self.fired.append(self.ahead.pop(0))
            if self.fired[-1][0] == "deadline":
                self.outcome = "late"

    def complete(self, at: datetime) -> bool:
        """Whether the task can still be completed at that instant."""
        self.pass_until(at)
        if self.outcome is not None:
            return False
        self.outcome = "done"
        return True


def _instants(chance: random.Random) -> Iterator[datetime]:
    """Instants as machines report them: forward by hours or weeks, back by days or a year."""
    at = START
    while True:
        at += timedelta(seconds=chance.randint(1, 200_000))
        match chance.random():
            case p if p < 0.1:
                yield at - timedelta(days=chance.uniform(0.001, 400))
            case p if p < 0.15:
                at += timedelta(days=chance.randint(1, 30))
                yield at
            case _:
                yield at


def play(seed: int | str, most: int = 30) -> list[str]:
    """Play one case and return where it went another way than it must."""
    chance = random.Random(seed)
    # Milliseconds: two timers of one instant would have no order that must be.
    after = [timedelta(days=chance.randint(0, 20), milliseconds=chance.randint(1, 86_000_000)) for _ in range(2)]
    model = Model(START + after[0], START + after[1])
    case = Played(DEFINITION, f"case {seed}")
    case.start(START.isoformat(), chase_at=model.chase_at, limit_at=model.limit_at)
    work = case.task("work")
    told: list[tuple[str, datetime]] = []
    for number, at in zip(range(most), _instants(chance), strict=False):
        wrong = _meet(case, model, work, at, completes=chance.random() < 0.1)
        fresh = [(e.element_id, e.due_at) for e in case.all(TimerFired)]
        if fresh != model.fired:
            wrong.append(f"fired {fresh[len(told) :]}, not {model.fired[len(told) :]}")
        told = fresh
        if ("work" in case.waiting) != (model.outcome is None):
            wrong.append(f"the task is {'open' if 'work' in case.waiting else 'closed'}, the outcome {model.outcome}")
        if wrong:
            return [f"timers, seed {seed}, act {number} at {at}: {w}" for w in wrong]
        if case.outcome:
            break
    return []


def _meet(case: Played, model: Model, work: str, at: datetime, *, completes: bool) -> list[str]:
    """A person or a scheduler comes to the case at an instant."""
    before = model.outcome
    if not completes:
        model.pass_until(at)
        with suppress(NothingToDo):
            case.take(FireTimers(), at.isoformat())
        return []
    in_time = model.complete(at)
    try:
        case.take(CompleteUserTask(work), at.isoformat())
    except TaskClosed:
        # The person is refused and their step undone; what fell due is the next scheduler's to find.
        with suppress(NothingToDo):
            case.take(FireTimers(), at.isoformat())
        return ["refused though it was in time"] if in_time else []
    return [] if in_time else [f"completed after its deadline ({before})"]
