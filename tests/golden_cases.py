"""Cases as a release wrote them: a walk through a diagram, its sealed history, and some of its states on the way.

``python tests/golden_cases.py FOLDER`` (from the root, with ``PYTHONPATH=.:tests``) writes each case once below
``tests/golden/states/FOLDER`` and never over one that is there: what a release wrote is what later ones must read.
``engine-3.0.0`` and ``engine-3.1.0`` hold the shapes those releases of SpiffWorkflow can run, written by our engine
over them (an event sub-process is not among them: there it was another thing). Made again only for a *new* release,
into a folder of its own; never to make a test pass.
"""

import gzip
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from build import BEGIN, MINI, Played, a_definition, at, each, end, flow, script, timer, user, when
from service.core import chain, commands, events, scenarios, values
from service.core.chain import Step
from service.core.commands import Command, DeliverMessage, FireTimers, StartInstance
from service.core.definitions import ProcessDefinition, definition_of
from service.core.engine import state_form
from service.core.engine.step import Outcome, step
from service.core.playing import Player
from service.runtime.bundles import read_folder

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[1]


class Written(Played):
    """A case that keeps every step as the history would, and the state after it."""

    def __init__(self, definition: ProcessDefinition, name: str) -> None:
        super().__init__(definition, name)
        self.steps: list[Step] = []
        self.states: list[str] = []

    def take(self, command: Command, when: str) -> Outcome:
        outcome = super().take(command, when)
        self.steps.append(sealed(self, command, outcome, when))
        self.states.append(outcome.state.decode())
        return outcome


def sealed(case, command: Command, outcome: Outcome, when) -> Step:
    """The step as the chain keeps it."""
    instant = at(when) if isinstance(when, str) else when
    before = case.steps[-1].hash if case.steps else chain.START
    told = tuple(events.to_json(e) for e in outcome.events)
    taken = Step(case.name, len(case.steps) + 1, instant, "someone", case.definition.hash, commands.to_json(command),
                 told, values.sha256(outcome.state), chain.LOGIC, before)  # fmt: skip
    return Step(**{**{n: getattr(taken, n) for n in Step.__slots__}, "hash": chain.seal(taken)})


@dataclass
class Recorded(Player):
    """A scenario's case, kept in the same way."""

    def __post_init__(self) -> None:
        self.steps, self.states = [], []

    def _take(self, command: Command, at) -> None:
        before = self.state
        Player._take(self, command, at)
        outcome = step(self.definition, before, command, instance_id=self.name, at=at, seq=self.seq)
        self.steps.append(sealed(self, command, outcome, at))
        self.states.append(outcome.state.decode())


def open_task() -> Written:
    case = Written(
        a_definition(BEGIN, user("one"), user("two"), end(), flow("begin", "one", "two", "end")), "open task"
    )
    case.start(name="Oak", consent=0)
    case.complete("one", "2026-03-03T09:00", size=1.5, on=at("2026-03-01").date())
    case.complete("two", "2026-03-04T09:00")
    return case


def timers_armed() -> Written:
    case = Written(a_definition(
        BEGIN, user("work", due="now() + days(20)"), timer("remind", "work", "timeCycle", "'R3/P7D'"),
        timer("late", "work", "timeDate", "came_at + days(10)"), user("chase"), user("why"), end(),
        end("e2"), end("e3"),
        flow("begin", "work", "end"), flow("remind", "chase", "e2"), flow("late", "why", "e3"),
    ), "timers armed")  # fmt: skip
    case.start("2026-01-01T09:00", came_at=at("2026-01-01T09:00"))
    case.take(FireTimers(), "2026-01-12T09:00")
    for element in ("chase", "why", "work"):
        case.complete(element, "2026-01-13T09:00")
    return _finished(case, "2026-01-14T09:00")


def half_repeated() -> Written:
    case = Written(a_definition(
        BEGIN, user("answer", each("agencies", "agency"), agency="agency.id", role="officer"), user("read"), end(),
        flow("begin", "answer", "read", "end"),
    ), "half repeated")  # fmt: skip
    case.start(agencies=[{"id": "a"}, {"id": "b"}, {"id": "c"}])
    for item in "bac":
        case.complete("answer", "2026-03-03T09:00", item=item, **{"agency.said": f"by {item}"})
    case.complete("read", "2026-03-04T09:00")
    return case


def inside() -> Written:
    within = f'<bpmn:subProcess id="within"><bpmn:startEvent id="ws"/>{user("deep")}{user("deeper")}{end("we")}'
    case = Written(a_definition(
        BEGIN, user("one"), f'{within}{flow("ws", "deep", "deeper", "we")}</bpmn:subProcess>', end(),
        flow("begin", "one", "within", "end"),
    ), "inside a sub-process")  # fmt: skip
    case.start()
    for element in ("one", "deep", "deeper"):
        case.complete(element, "2026-03-03T09:00", **{element: True})
    return case


def beside() -> Written:
    case = Written(a_definition(
        BEGIN, user("one"), end(),
        '<bpmn:subProcess id="more" triggeredByEvent="true"><bpmn:startEvent id="ms" isInterrupting="false">'
        f'<bpmn:messageEventDefinition id="mm" messageRef="m_more"/></bpmn:startEvent>{user("agree")}{end("me")}'
        f'{flow("ms", "agree", "me")}</bpmn:subProcess>',
        flow("begin", "one", "end"),
    ), "event sub-process")  # fmt: skip
    case.start()
    case.take(DeliverMessage("more", {"again": 1}), "2026-03-03T09:00")
    case.complete("agree", "2026-03-04T09:00")
    case.take(DeliverMessage("more", {"again": 2}), "2026-03-05T09:00")
    case.complete("agree", "2026-03-06T09:00")
    case.complete("one", "2026-03-07T09:00")
    return case


def called() -> Written:
    other = (
        f'<bpmn:process id="other" isExecutable="true"><bpmn:startEvent id="os"/>{user("there")}{end("oe")}'
        f"{flow('os', 'there', 'oe')}</bpmn:process>"
    )
    call = f'<bpmn:callActivity id="call" calledElement="other">{each("agencies", "agency")}</bpmn:callActivity>'
    case = Written(a_definition(BEGIN, call, user("last"), end(), flow("begin", "call", "last", "end"), called=other),
                   "call activity")  # fmt: skip
    case.start(agencies=["gp", "school"])
    case.complete("there", "2026-03-03T09:00", item="school")
    case.complete("there", "2026-03-03T10:00", item="gp")
    case.complete("last", "2026-03-04T09:00")
    return case


def looped() -> Written:
    case = Written(a_definition(
        BEGIN, user("look"), script("count", "n = n + 1"), '<bpmn:exclusiveGateway id="again" default="again_end"/>',
        end(), flow("begin", "look", "count", "again", "end"), when("again", "look", "more"),
    ), "after loops")  # fmt: skip
    case.start(n=0)
    for turn in range(4):
        case.complete("look", f"2026-03-0{turn + 3}T09:00", more=turn < 3)
    return case


def breached(*, extended: bool = False) -> Written:
    case = Written(definition_of(read_folder(MINI)), "clock breached")
    case.take(StartInstance("application_received", {"address": "x", "work": "felling",
              "received_on": at("2013-05-29").date()}), "2013-05-29T10:00")  # fmt: skip
    case.complete("check", "2013-05-30T10:00", complete="yes")
    case.take(FireTimers(), "2013-07-01T00:00")
    if extended:
        case.take(DeliverMessage("more_time_allowed", {"extended_to": at("2013-09-01").date()}), "2013-07-02T00:00")
    case.complete("late_reason", "2013-07-03T10:00")
    case.complete("decide", "2013-07-04T10:00", decision="grant")
    return case


def review(name: str) -> Callable[[], Recorded]:
    def played() -> Recorded:
        story = scenarios.read((ROOT / "processes" / "scenarios" / f"{name}.yaml").read_text(encoding="utf-8"))
        player = Recorded(definition_of(read_folder(ROOT)), name)
        scenarios._start(player, story["start"])
        for here in story.get("steps") or []:
            scenarios._step(player, here, scenarios.Report(name))
        return player

    return played


def _finished(case: Written, when: str) -> Written:
    while case.outcome is None and case.open:
        case.complete(next(iter(case.open.values())).element_id, when)
    return case


SHAPES: dict[str, Callable[[], Written | Recorded]] = {
    "open_task": open_task, "timers_armed": timers_armed, "half_repeated": half_repeated, "inside": inside,
    "beside": beside, "called": called, "looped": looped, "breached": breached,
    "extended": lambda: breached(extended=True),
}  # fmt: skip
REVIEWS = {
    name: review(name) for name in ("two-extensions", "practice-organisations-writing", "no_review_upheld_by_silence")
}


def write(folder: str, made: dict[str, Callable[[], Written | Recorded]]) -> Iterator[Path]:
    """Write the cases that are not there yet."""
    for name, make in made.items():
        path = GOLDEN / "states" / folder / f"{name}.json"
        if path.exists():
            continue
        case = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(written(case), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        _keep_definition(case.definition)
        yield path


def written(case: Written | Recorded) -> dict[str, object]:
    """What is kept of a case: all steps, and its state at a few of them."""
    count = len(case.steps)
    chosen = range(1, count + 1) if count < 8 else (count // 3, count // 2, count - 2, count)
    return {
        "form": str(state_form.CURRENT), "definition": case.definition.hash, "outcome": case.outcome,
        "steps": [
            {n: getattr(s, n) for n in Step.__slots__ if n != "at"} | {"at": values.instant_text(s.at)}
            for s in case.steps
        ],
        "states": {str(seq): case.states[seq - 1] for seq in chosen},
    }  # fmt: skip


def _keep_definition(definition: ProcessDefinition) -> None:
    path = GOLDEN / "definitions" / f"{definition.hash}.json.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(gzip.compress(json.dumps(dict(definition.files), ensure_ascii=False).encode(), mtime=0))


if __name__ == "__main__":
    for target in write(sys.argv[1], {**SHAPES, **REVIEWS}):
        print(f"wrote {target}")
