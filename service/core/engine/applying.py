"""What each command means to a running instance, after time has done its work.

A command either tells at least one event or is refused; it never waits, never calls out, and never looks at a clock.
"""

from collections.abc import Mapping
from typing import assert_never

from service.core import clocks, values
from service.core.commands import (
    ApproveDeparture,
    AssignUserTask,
    CancelInstance,
    ClaimUserTask,
    Command,
    CompleteUserTask,
    CorrectVariables,
    DelegateUserTask,
    DeliverMessage,
    EndAccess,
    FireTimers,
    GrantAccess,
    LetIn,
    MigrateInstance,
    MigrateState,
    ObjectToDeparture,
    ReleaseUserTask,
    ResolveIncident,
    ResumeInstance,
    ShutOut,
    StartInstance,
    SuspendInstance,
)
from service.core.engine import admitting, departing, holding, offering, resting
from service.core.engine.receiving import OUTSIDE, places, receive, waiting_for
from service.core.engine.running import Running
from service.core.engine.telling import after, before, settle
from service.core.errors import CaseEnded, CaseSuspended, NothingToDo, StepFailed
from service.core.events import InstanceStarted, MessageDelivered, UserTaskCompleted
from service.core.events_beside import (
    IncidentResolved,
    InstanceCancelled,
    InstanceResumed,
    InstanceSuspended,
    StateMigrated,
    VariablesCorrected,
)

CANCELLED = "cancelled"


def heed_suspension(run: Running, command: Command) -> None:
    """Refuse what a case that is held still does not take, and lift the hold where that is what is asked.

    Raises ``CaseSuspended``; ``NothingToDo`` for letting go on what goes on already.
    """
    if isinstance(command, ResumeInstance):
        if not run.memory.suspended:
            raise NothingToDo("The case is not held still.")
        run.memory.suspended = False  # before time is let in: what fell due meanwhile fires now, in its order
    elif run.memory.suspended and not isinstance(command, CancelInstance | CorrectVariables):
        raise CaseSuspended("This case is held still: nothing can be done in it until it goes on.")


def apply(run: Running, command: Command) -> None:
    """Do what ``command`` asks. Raises a ``Rejection`` when it cannot be done now."""
    match command:
        case StartInstance() | DeliverMessage():
            _message(run, command)
        case CompleteUserTask():
            _complete(run, command)
        case ClaimUserTask() | ReleaseUserTask() | AssignUserTask() | DelegateUserTask():
            holding.hand_over(run, command)
        case GrantAccess() | EndAccess() | ShutOut() | LetIn():
            admitting.admit(run, command)
        case FireTimers() | MigrateInstance():
            pass  # time itself was the command; the move has been made
        case MigrateState():
            run.events.append(StateMigrated(command.from_form, command.to_form, command.from_hash, command.to_hash))
        case (
            SuspendInstance() | ResumeInstance() | CancelInstance() | CorrectVariables() | ResolveIncident()
            | ApproveDeparture() | ObjectToDeparture()
        ):  # fmt: skip
            _tend(run, command)
        case _:
            assert_never(command)


def _message(run: Running, command: StartInstance | DeliverMessage) -> None:
    if isinstance(command, StartInstance):
        offering.require_start(run, command.message)
        run.memory.variables.update(_plain(command.variables))
        run.events.append(InstanceStarted(command.message, run.definition.main))
        departing.depart(run, run.definition.message_element(command.message), command.departures)
        settle(run)  # the engine hears a message only once it stands at its start event
        receive(run, command.message, None, waiting_for(run, command.message, None))
        return
    about = {n.partition(".")[2]: v for n, v in command.variables.items() if "." in n}
    plain = {n: v for n, v in command.variables.items() if "." not in n}
    waiting = places(run, command.message, command.item)  # over the case as it is, before what the message brings
    run.memory.variables.update(plain)
    departing.depart(run, run.definition.message_element(command.message), command.departures)
    receive(run, command.message, command.item, waiting, about)
    run.events.append(MessageDelivered(command.message))


def _plain(variables: Mapping[str, object]) -> dict[str, object]:
    if any("." in name for name in variables):
        raise StepFailed(OUTSIDE)
    return dict(variables)


def _complete(run: Running, command: CompleteUserTask) -> None:
    task, _ = holding.require_open(run, command.task_id)
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
    departing.depart(run, run.element_of(task), command.departures)
    before(run, task)
    task.run()
    after(run, task)


def _tend(
    run: Running,
    command: (
        SuspendInstance | ResumeInstance | CancelInstance | CorrectVariables | ResolveIncident | ApproveDeparture
        | ObjectToDeparture
    ),
) -> None:  # fmt: skip
    _require_open(run, holds=isinstance(command, SuspendInstance | CancelInstance))
    match command:
        case SuspendInstance():
            run.memory.suspended = True
            run.events.append(InstanceSuspended(command.record))
        case ResumeInstance():
            run.events.append(InstanceResumed(command.record))
        case CancelInstance():
            _cancel(run, command)
        case CorrectVariables():
            _correct(run, command)
        case ApproveDeparture() | ObjectToDeparture():
            departing.judge(run, command)
        case ResolveIncident():
            run.events.append(IncidentResolved(command.incident, command.record))


def _require_open(run: Running, *, holds: bool) -> None:
    """Raise ``CaseEnded`` for a case that is over, and for one at rest that would be held still or given up."""
    if run.memory.outcome is not None:
        raise CaseEnded("This case has ended.")
    if holds and resting.place(run) is not None:
        raise CaseEnded("This case is closed: there is nothing to hold or to cancel until it is opened again.")


def _cancel(run: Running, command: CancelInstance) -> None:
    run.events.append(InstanceCancelled(command.record))
    for clock in [c for c in run.memory.clocks.values() if c.running]:
        run.memory.clocks[clock.key], event = clocks.stop(clock)
        run.events.append(event)
    run.memory.suspended = False
    run.workflow.cancel()


def _correct(run: Running, command: CorrectVariables) -> None:
    held = run.memory.variables
    changed = {
        name: [held.get(name), value]
        for name, value in _plain(command.variables).items()
        if name not in held or values.compact(values.encode(held[name])) != values.compact(values.encode(value))
    }
    if not changed:
        raise NothingToDo("The case has these values already.")
    held.update(command.variables)
    run.events.append(VariablesCorrected(changed, command.record))
