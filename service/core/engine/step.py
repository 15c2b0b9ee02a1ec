"""step(definition, state, command, at, seq) -> Outcome: the same arguments give the same answer on any machine.

Time first: what is due before ``at`` fires in due order, each at its own due instant, before the command is applied;
the command may then be rejected. A case's time never goes back. A step that changes nothing is refused, a step that
fails leaves nothing behind.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.exceptions import SpiffWorkflowException

from service.core import clocks, determinism, values
from service.core.commands import Command, EndAccess, GrantAccess, LetIn, MigrateInstance, MigrateState, ShutOut
from service.core.definitions import ProcessDefinition
from service.core.engine import memory as kept
from service.core.engine import migrating, resting
from service.core.engine.applying import CANCELLED, apply, heed_suspension
from service.core.engine.memory import Memory
from service.core.engine.noticing import notice
from service.core.engine.running import TICK, Running, check_alive
from service.core.engine.telling import settle
from service.core.errors import NothingToDo, StepFailed
from service.core.events import Event, InstanceEnded, VariablesSet
from service.core.events_beside import InstanceCancelled
from service.core.expressions import ExprError
from service.core.expressions_hooks import SafeEngine

FIRINGS = 10_000
ENGINE_FAILURES = (
    SpiffWorkflowException, ExprError, TypeError, ValueError, LookupError, AttributeError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step gave: the canonical state, the events in order (never none), and what the shell needs to know.

    ``next_due`` is the next instant something happens by itself; ``outcome`` the end event's key once ended, or that of
    the place where it ``rests``; ``suspended`` says that the instance is held still.
    """

    state: bytes
    events: tuple[Event, ...]
    next_due: datetime | None
    outcome: str | None
    suspended: bool = False
    rests: bool = False


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
            whole = isinstance(command, MigrateInstance | MigrateState)
            run = _open(former or definition, state, seam, at, whole=whole)
            variables = dict(run.memory.variables)
            if isinstance(command, MigrateState | GrantAccess | EndAccess | ShutOut | LetIn):
                # Another spelling of the same case, or who may know of it: no time passes and nothing runs. So somebody
                # is shut out at once, of a case that is held still, stuck or over too.
                apply(run, command)
            elif isinstance(command, MigrateInstance):
                run = _move(run, definition, command, state, at)
            else:
                _let_time_pass_and_apply(run, command, at, fresh=state is None)
            _close(run, variables)
        except ENGINE_FAILURES as failure:
            raise StepFailed(_in_words(failure), element=_element_of(failure)) from failure
        if not run.events:
            raise NothingToDo("Nothing has changed.")
        state, memory = kept.dump(run.workflow, run.memory), run.memory
        outcome, rests = memory.outcome or memory.rests, memory.rests is not None
        return Outcome(state, tuple(run.events), _next_due(run), outcome, memory.suspended, rests)


def _let_time_pass_and_apply(run: Running, command: Command, at: datetime, *, fresh: bool) -> None:
    heed_suspension(run, command)
    if not fresh and not run.memory.suspended:
        _advance(run, max(at, run.memory.at))
    apply(run, command)
    _follow(run)


def _move(
    run: Running, definition: ProcessDefinition, command: MigrateInstance, state: bytes | None, at: datetime
) -> Running:
    """Let time pass under the version an instance leaves, move it, and let what that brings about happen."""
    heed_suspension(run, command)
    until = max(at, run.memory.at)
    try:
        _advance(run, until)
    except (*ENGINE_FAILURES, StepFailed):
        # What is due cannot be done under the old version: perhaps why the case is moved. It happens under the new one.
        run = _open(run.definition, state, run.seam, at, whole=True)
    migrating.move(run, definition, command)
    _follow(run)
    _advance(run, until)
    return run


@contextmanager
def _held(*definitions: ProcessDefinition) -> Iterator[None]:
    """Hold the definitions' locks, in one order for everybody: two migrations crossing would wait for each other."""
    with ExitStack() as locks:
        for definition in sorted(definitions, key=lambda d: d.hash):
            locks.enter_context(definition.lock)
        yield


def _open(
    definition: ProcessDefinition, state: bytes | None, seam: determinism.Seam, at: datetime, *, whole: bool
) -> Running:
    specification = definition.specification
    specification.fresh()
    engine = SafeEngine()
    if state is None:
        workflow = BpmnWorkflow(specification.main, dict(specification.called), script_engine=engine)
        memory = Memory(at=at)
    else:
        workflow, memory = kept.load(specification, state, whole=whole)
        workflow.script_engine = engine
        seam.now = memory.at  # the engine goes on where it stopped, so what is overdue fires at its own instant
    run = Running(definition, workflow, memory, seam, engine)
    run.prepare()
    return run


def _follow(run: Running) -> None:
    """What the command brought about by itself; in a case that is held still, nothing."""
    if run.memory.suspended:
        notice(run)
        return
    settle(run)
    _advance(run, run.seam.now)  # the command may have armed a timer whose instant has passed already


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
    if run.memory.suspended:
        return None
    dues = [t.due for t in run.memory.timers.values()] + [r.at for r in run.memory.reminders]
    return min(dues, default=None)


def _send_reminders(run: Running) -> None:
    due = sorted(r for r in run.memory.reminders if r.at < run.seam.now)
    run.memory.reminders = [r for r in run.memory.reminders if r.at >= run.seam.now]
    run.events.extend(clocks.fell(r) for r in due)


def _close(run: Running, before_step: Mapping[str, object]) -> None:
    changed = {k: v for k, v in run.memory.variables.items() if k not in before_step or _differ(before_step[k], v)}
    if changed:
        run.events.append(VariablesSet(changed))
    run.memory.at = run.seam.now
    if any(isinstance(event, InstanceCancelled) for event in run.events):
        run.memory.outcome, run.memory.rests = CANCELLED, None
        run.events.append(InstanceEnded(CANCELLED, "Cancelled"))
        return
    check_alive(run)
    if run.workflow.completed and run.memory.outcome is None:
        main, end = run.definition.main, run.memory.end
        ended = run.definition.element(main, end) if end is not None else None
        run.memory.outcome = ended.properties.get("outcome", ended.id) if ended else "ended"
        run.memory.rests = None
        run.events.append(InstanceEnded(run.memory.outcome, ended.name if ended else "Ended"))
    if run.memory.outcome is None:
        resting.tell(run)


def _differ(before: object, now: object) -> bool:
    # Python calls 0 and False equal; a diagram may tell them apart, and so must the history.
    return before != now or values.compact(values.encode(before)) != values.compact(values.encode(now))


def _in_words(failure: Exception) -> str:
    """A defect in words for an operator: the construct, never a value of the case."""
    notes = " ".join(getattr(failure, "notes", None) or getattr(failure, "__notes__", None) or [])
    said = f"{failure} {notes}".strip()
    if isinstance(failure, SpiffWorkflowException | ExprError) and said:
        return f"{said[:1].upper()}{said[1:]}"[:500]
    return f"{type(failure).__name__}: {said}".strip()[:500]  # the kind says more than Python's own few words


def _element_of(failure: Exception) -> str | None:
    spec = getattr(failure, "task_spec", None) or getattr(getattr(failure, "task", None), "task_spec", None)
    return getattr(spec, "bpmn_id", None)
