"""Builders with defaults: a diagram from a few lines of text, a definition around it, a case played on it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from service.core import chain, commands, events, values
from service.core.chain import Step
from service.core.commands import Command, CompleteUserTask, MigrateInstance, StartInstance
from service.core.definitions import ProcessDefinition, definition_of
from service.core.engine.step import Outcome, step
from service.core.events import UserTaskCancelled, UserTaskCompleted, UserTaskCreated
from service.core.events_beside import UserTaskChanged

MINI = Path(__file__).parent / "data" / "mini"
HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" id="d" targetNamespace="urn:test">'
    '<bpmn:message id="m_begin" name="begin"/><bpmn:message id="m_more" name="more"/>'
)
ROLES = [
    {"id": "clerk", "name": "Clerk", "scope": "partnership", "starts": ["begin"], "reads": ["case"]},
    {"id": "officer", "name": "Officer", "scope": "agency", "reads": ["case"]},
]
BEGIN = (
    '<bpmn:startEvent id="begin" name="Begin"><bpmn:messageEventDefinition id="b_m" messageRef="m_begin"/>'
    "</bpmn:startEvent>"
)


def at(text: str) -> datetime:
    """An instant; without a zone it is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def flow(*ends: str) -> str:
    """Sequence flows along a path: ``flow("a", "b", "c")``."""
    return "".join(f'<bpmn:sequenceFlow id="{a}_{b}" sourceRef="{a}" targetRef="{b}"/>' for a, b in pairwise(ends))


def when(source: str, target: str, condition: str) -> str:
    """A sequence flow with a condition."""
    return (
        f'<bpmn:sequenceFlow id="{source}_{target}" sourceRef="{source}" targetRef="{target}">'
        f"<bpmn:conditionExpression>{condition}</bpmn:conditionExpression></bpmn:sequenceFlow>"
    )


def user(element: str, inner: str = "", **properties: str) -> str:
    """A user task; ``role`` is clerk unless said otherwise."""
    rows = {"role": "clerk", **properties}
    written = "".join(f'<spiffworkflow:property name="{k}" value="{v}"/>' for k, v in rows.items())
    return (
        f'<bpmn:userTask id="{element}" name="{element}"><bpmn:extensionElements><spiffworkflow:properties>{written}'
        f"</spiffworkflow:properties></bpmn:extensionElements>{inner}</bpmn:userTask>"
    )


def script(element: str, text: str) -> str:
    """A script task."""
    return f'<bpmn:scriptTask id="{element}" name="{element}"><bpmn:script>{text}</bpmn:script></bpmn:scriptTask>'


def timer(
    element: str, host: str, kind: str, expression: str, /, *, interrupting: bool = False, **properties: str
) -> str:
    """A boundary timer; ``kind`` is timeDate, timeDuration or timeCycle."""
    written = "".join(f'<spiffworkflow:property name="{k}" value="{v}"/>' for k, v in properties.items())
    return (
        f'<bpmn:boundaryEvent id="{element}" attachedToRef="{host}" cancelActivity="{str(interrupting).lower()}">'
        f"{_properties(written)}"
        f'<bpmn:timerEventDefinition id="{element}_t"><bpmn:{kind}>{expression}</bpmn:{kind}>'
        "</bpmn:timerEventDefinition></bpmn:boundaryEvent>"
    )


def each(variable: str, item: str) -> str:
    """Parallel repetition over a list."""
    return (
        '<bpmn:multiInstanceLoopCharacteristics isSequential="false">'
        f"<bpmn:loopDataInputRef>{variable}</bpmn:loopDataInputRef>"
        f'<bpmn:inputDataItem id="{item}" name="{item}"/></bpmn:multiInstanceLoopCharacteristics>'
    )


def end(element: str = "end", outcome: str = "") -> str:
    """An end event, with an outcome if one is given."""
    written = f'<spiffworkflow:property name="outcome" value="{outcome or element}"/>'
    return f'<bpmn:endEvent id="{element}" name="{element}">{_properties(written)}</bpmn:endEvent>'


def _properties(written: str) -> str:
    inner = f"<spiffworkflow:properties>{written}</spiffworkflow:properties>"
    return f"<bpmn:extensionElements>{inner}</bpmn:extensionElements>"


def a_definition(*parts: str, called: str = "", tables: dict[str, str] | None = None) -> ProcessDefinition:
    """A definition whose main process ``main`` is made of ``parts``; ``called`` are further whole processes."""
    main = (
        f'{HEAD}<bpmn:process id="main" isExecutable="true">{"".join(parts)}</bpmn:process>{called}</bpmn:definitions>'
    )
    deployment = {"key": "test", "main": "main", "case_prefix": "T", "title": "Test", "case_word": "case"}
    return definition_of({
        "processes/main.bpmn": main, "processes/roles.json": json.dumps(ROLES),
        "processes/deployment.json": json.dumps(deployment), **(tables or {}),
    })  # fmt: skip


def _sealed(case: "Played", command: Command, outcome: Outcome, when: datetime) -> Step:
    taken = Step(
        instance_id=case.name, seq=case.seq + 1, at=when, actor="ann", definition=case.definition.hash,
        command=commands.to_json(command), events=tuple(events.to_json(e) for e in outcome.events),
        state_hash=values.sha256(outcome.state), logic=chain.LOGIC,
        prev_hash=case.steps[-1].hash if case.steps else chain.START,
    )  # fmt: skip
    return replace(taken, hash=chain.seal(taken))


class Played:
    """A case stepped in memory: what is open, and everything that happened."""

    def __init__(self, definition: ProcessDefinition, name: str = "case") -> None:
        self.definition, self.name = definition, name
        self.state: bytes | None = None
        self.seq = 0
        self.happened: list[object] = []
        self.open: dict[str, UserTaskCreated] = {}
        self.outcome: str | None = None
        self.steps: list[Step] = []

    def start(self, when: str = "2026-03-02T09:00", **variables: object) -> Outcome:
        return self.take(StartInstance("begin", variables), when)

    def take(self, command: Command, when: str, former: ProcessDefinition | None = None) -> Outcome:
        outcome = step(
            self.definition, self.state, command, instance_id=self.name, at=at(when), seq=self.seq + 1, former=former
        )
        self.steps.append(_sealed(self, command, outcome, at(when)))
        self.state, self.seq, self.outcome = outcome.state, self.seq + 1, outcome.outcome
        self.happened.extend(outcome.events)
        for event in outcome.events:
            if isinstance(event, UserTaskCreated):
                self.open[event.task_id] = event
            elif isinstance(event, UserTaskCompleted | UserTaskCancelled):
                self.open.pop(event.task_id)
            elif isinstance(event, UserTaskChanged):
                self.open[event.task_id] = replace(self.open[event.task_id], **event.changed)
        return outcome

    def complete(self, element: str, when: str, item: str | None = None, **variables: object) -> Outcome:
        return self.take(CompleteUserTask(self.task(element, item), variables), when)

    def migrate(self, new: ProcessDefinition, when: str, **plan: str) -> Outcome:
        """Move to another version; when that is refused the case stays as it is. ``a__b`` in the plan means ``a:b``."""
        former, self.definition = self.definition, new
        command = MigrateInstance(former.hash, {k.replace("__", ":"): v for k, v in plan.items()})
        try:
            return self.take(command, when, former)
        except Exception:
            self.definition = former
            raise

    def task(self, element: str, item: str | None = None) -> str:
        return next(t.task_id for t in self.open.values() if t.element_id == element and item in {None, t.item})

    @property
    def waiting(self) -> list[str]:
        return sorted(t.element_id for t in self.open.values())

    def all(self, kind: type) -> list:
        return [e for e in self.happened if isinstance(e, kind)]
