"""step(definition, state, command, at, seq) -> Outcome: the same arguments give the same answer on any machine.

Time first: what is due before ``at`` fires in due order, each at its own due instant, before the command is applied;
the command may then be rejected. A case's time never goes back. A step that changes nothing is refused, a step that
fails leaves nothing behind.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from SpiffWorkflow.bpmn import BpmnEvent, BpmnWorkflow
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.spiff.specs.event_definitions import MessageEventDefinition

from service.core import clocks, determinism, values
from service.core.commands import (
    ClaimUserTask,
    Command,
    CompleteUserTask,
    DeliverMessage,
    FireTimers,
    MigrateInstance,
    ReleaseUserTask,
    StartInstance,
)
from service.core.definitions import ProcessDefinition
from service.core.engine import memory as kept
from service.core.engine import migrating
from service.core.engine.memory import Memory
from service.core.engine.running import TICK, Running, check_alive, open_task
from service.core.engine.telling import after, before, settle
from service.core.errors import NothingToDo, NotWaiting, StepFailed, TaskClosed, TaskHeld
from service.core.events import (
    Event,
    InstanceEnded,
    InstanceStarted,
    MessageDelivered,
    UserTaskClaimed,
    UserTaskCompleted,
    UserTaskReleased,
    VariablesSet,
)
from service.core.expressions import ExprError
from service.core.expressions_hooks import SafeEngine

FIRINGS = 10_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step gave: the canonical state, the events in order (never none), and what the shell needs to know.

    ``next_due`` is the next instant something happens by itself; ``outcome`` the end event's key once ended.
    """

    state: bytes
    events: tuple[Event, ...]
    next_due: datetime | None
    outcome: str | None


def step(
    definition: ProcessDefinition, state: bytes | None, command: Command, *, instance_id: str, at: datetime, seq: int,
    former: ProcessDefinition | None = None,
) -> Outcome:  # fmt: skip
    """Apply one command to an instance (``state`` is ``None`` only for ``StartInstance``).

    ``at`` is an aware instant; ``seq`` counts an instance's steps from 1; ``former``, only for ``MigrateInstance``, is
    the definition the instance moves away from. Raises a ``Rejection`` when the command cannot be applied,
    ``StepFailed`` when the diagram or the engine is at fault.
    """
    with _held(definition, former or definition), determinism.seams(instance_id, seq, at) as seam:
        try:
            run = _open(former or definition, state, seam, at)
            variables = dict(run.memory.variables)
            if state is not None:
                _advance(run, max(at, run.memory.at))
            if isinstance(command, MigrateInstance):
                migrating.move(run, definition, command)
            _apply(run, command)
            settle(run)
            _advance(run, seam.now)  # the command may have armed a timer whose instant has passed already
            _close(run, variables)
        except (SpiffWorkflowException, ExprError, TypeError, ValueError, KeyError) as failure:
            raise StepFailed(_in_words(failure), element=_element_of(failure)) from failure
        if not run.events:
            raise NothingToDo("Nothing has changed.")
        return Outcome(kept.dump(run.workflow, run.memory), tuple(run.events), _next_due(run), run.memory.outcome)


@contextmanager
def _held(*definitions: ProcessDefinition) -> Iterator[None]:
    """Hold the definitions' locks, in one order for everybody: two migrations crossing would wait for each other."""
    with ExitStack() as locks:
        for definition in sorted(definitions, key=lambda d: d.hash):
            locks.enter_context(definition.lock)
        yield


def _open(definition: ProcessDefinition, state: bytes | None, seam: determinism.Seam, at: datetime) -> Running:
    specification = definition.specification
    specification.fresh()
    engine = SafeEngine()
    if state is None:
        workflow = BpmnWorkflow(specification.main, dict(specification.called), script_engine=engine)
        memory = Memory(at=at)
    else:
        workflow, memory = kept.load(specification, state)
        workflow.script_engine = engine
        seam.now = memory.at  # the engine goes on where it stopped, so what is overdue fires at its own instant
    run = Running(definition, workflow, memory, seam, engine)
    run.prepare()
    return run


def _advance(run: Running, at: datetime) -> None:
    """Let time pass until ``at``: every due timer and reminder at its own instant, in order."""
    for _ in range(FIRINGS):
        due = _next_due(run)
        if due is None or due >= at or run.memory.outcome is not None:
            break
        run.seam.now = max(run.seam.now, due + TICK)
        _send_reminders(run)
        settle(run)
    else:
        raise StepFailed("Too many timers fell due at once.")
    run.seam.now = max(run.seam.now, at)


def _next_due(run: Running) -> datetime | None:
    dues = [t.due for t in run.memory.timers.values()] + [r.at for r in run.memory.reminders]
    return min(dues, default=None)


def _send_reminders(run: Running) -> None:
    due = sorted(r for r in run.memory.reminders if r.at < run.seam.now)
    run.memory.reminders = [r for r in run.memory.reminders if r.at >= run.seam.now]
    run.events.extend(clocks.fell(r) for r in due)


def _apply(run: Running, command: Command) -> None:
    """What the command itself means, after time has done its work."""
    match command:
        case StartInstance():
            run.memory.variables.update(_plain(command.variables))
            run.events.append(InstanceStarted(command.message, run.definition.main))
            settle(run)  # the engine hears a message only once it stands at its start event
            _send(run, command.message)
        case DeliverMessage():
            run.memory.variables.update(_plain(command.variables))
            _send(run, command.message)
            run.events.append(MessageDelivered(command.message))
        case CompleteUserTask():
            _complete(run, command)
        case ClaimUserTask():
            _claim(run, command)
        case ReleaseUserTask():
            _release(run, command)
        case FireTimers() | MigrateInstance():
            pass  # time itself was the command; the move has been made
        case _:
            assert_never(command)


def _plain(variables: Mapping[str, object]) -> dict[str, object]:
    if any("." in name for name in variables):
        raise StepFailed("An answer about an item can only be given inside its own branch.")
    return dict(variables)


def _send(run: Running, message: str) -> None:
    if run.memory.outcome is not None:  # an event sub-process goes on listening after the end
        raise NotWaiting("The case has ended.")
    run.prepare()
    event = BpmnEvent(MessageEventDefinition(message), {})
    if run.workflow.event_manager.catch(event, internal=False) == 0 and not _starts_beside(run, message):
        raise NotWaiting("The case is not waiting for this now.")


def _starts_beside(run: Running, message: str) -> bool:
    """An event sub-process of the main process is started by the catch itself, and may count no waiting task."""
    element = run.definition.message_element(message)
    return "in_event_subprocess" in element.properties and not run.workflow.completed


def _require_open(run: Running, task_id: str) -> None:
    if open_task(run, task_id) is None or task_id not in run.memory.tasks:
        raise TaskClosed("This task is no longer open.")


def _complete(run: Running, command: CompleteUserTask) -> None:
    _require_open(run, command.task_id)
    task = open_task(run, command.task_id)
    if task is None:
        raise TaskClosed("This task is no longer open.")
    run.prepare()
    for name, value in command.variables.items():
        item, _, key = name.partition(".")
        if key:
            run.engine.environment.set_item(task.data, item, key, value)
        else:
            run.memory.variables[name] = value
    place = run.place_of(task)
    run.memory.tasks.pop(command.task_id)  # before it runs, or it would be noticed as withdrawn
    run.events.append(UserTaskCompleted(command.task_id, place[1] if place else "", command.record))
    before(run, task)
    task.run()
    after(run, task)


def _claim(run: Running, command: ClaimUserTask) -> None:
    _require_open(run, command.task_id)
    held = run.memory.tasks[command.task_id]
    if held.assignee == command.assignee:
        raise NothingToDo("You already have this task.")
    if held.assignee is not None:
        raise TaskHeld("Somebody else has taken this task.", assignee=held.assignee)
    held.assignee = command.assignee
    run.events.append(UserTaskClaimed(command.task_id, command.assignee))


def _release(run: Running, command: ReleaseUserTask) -> None:
    _require_open(run, command.task_id)
    held = run.memory.tasks[command.task_id]
    if held.assignee is None:
        raise NothingToDo("Nobody has taken this task.")
    if held.assignee != command.assignee:
        raise TaskHeld("Somebody else has taken this task.", assignee=held.assignee)
    held.assignee = None
    run.events.append(UserTaskReleased(command.task_id))


def _close(run: Running, before_step: Mapping[str, object]) -> None:
    changed = {k: v for k, v in run.memory.variables.items() if k not in before_step or _differ(before_step[k], v)}
    if changed:
        run.events.append(VariablesSet(changed))
    run.memory.at = run.seam.now
    check_alive(run)
    if run.workflow.completed and run.memory.outcome is None:
        main, end = run.definition.main, run.memory.end
        ended = run.definition.element(main, end) if end is not None else None
        run.memory.outcome = ended.properties.get("outcome", ended.id) if ended else "ended"
        run.events.append(InstanceEnded(run.memory.outcome, ended.name if ended else "Ended"))


def _differ(before: object, now: object) -> bool:
    # Python calls 0 and False equal; a diagram may tell them apart, and so must the history.
    return before != now or values.compact(values.encode(before)) != values.compact(values.encode(now))


def _in_words(failure: Exception) -> str:
    """A defect in words for an operator: the construct, never a value of the case."""
    notes = " ".join(getattr(failure, "notes", None) or getattr(failure, "__notes__", None) or [])
    return f"{type(failure).__name__}: {failure} {notes}".strip()[:500]


def _element_of(failure: Exception) -> str | None:
    spec = getattr(failure, "task_spec", None) or getattr(getattr(failure, "task", None), "task_spec", None)
    return getattr(spec, "bpmn_id", None)
