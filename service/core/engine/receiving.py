"""A message reaches one place that waits for it: routed by case and correlation key, never broadcast.

The engine itself gives a message to everything that waits for its name. Here the case is named by the command, the
correlation key is the multi-instance item, and of several places that wait for the same item the longest waiting one
receives it. A boundary event that does not interrupt its activity goes on listening (BPMN 2.0, 13.5.3).
"""

from collections.abc import Mapping

from SpiffWorkflow.bpmn import BpmnEvent
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.spiff.specs.event_definitions import MessageEventDefinition
from SpiffWorkflow.task import Task

from service.core.engine import offering
from service.core.engine.running import Running, rearm
from service.core.errors import NotOffered, NotWaiting, SeveralWaiting, StepFailed

OUTSIDE = "An answer about an item can only be given inside its own branch."


def places(run: Running, message: str, item: str | None) -> list[Task]:
    """Where ``message`` may be received now, the longest waiting first; none where it only begins something beside.

    Raises ``NotWaiting`` in a case that has ended, ``NotOffered`` where no place takes it now.
    """
    if run.memory.outcome is not None:  # an event sub-process goes on listening after the end
        raise NotWaiting("The case has ended.")
    waiting = waiting_for(run, message, item)
    said = [offering.refusal(run, offering.receiver(run, task, message), task) for task in waiting]
    if not waiting and item is None:
        said = [offering.refusal(run, offering.beside(run, message), None)]
    refused = [why for why in said if why is not None]
    if refused and len(refused) == len(said):
        raise NotOffered(refused[0])
    return [task for task, why in zip(waiting, said, strict=False) if why is None]


def receive(
    run: Running, message: str, item: str | None, waiting: list[Task], about: Mapping[str, object] | None = None
) -> None:
    """Give ``message`` to one of the places that were ``waiting``; ``about`` are fields of its ``item``.

    Raises ``NotWaiting``, ``SeveralWaiting`` when the message could be about more than one item.
    """
    run.prepare()
    event = BpmnEvent(MessageEventDefinition(message), {})
    items = sorted({run.item_of(task) or "" for task in waiting})
    if len(items) > 1:
        raise SeveralWaiting("The case waits for this in more than one place: say which it is about.", items=(*items,))
    if waiting:
        _catch(run, waiting[0], event, about or {})
    elif item is not None or not _begins_beside(run, event, message):
        raise NotWaiting("The case is not waiting for this now.")
    elif about:
        raise StepFailed(OUTSIDE)


def waiting_for(run: Running, message: str, item: str | None) -> list[Task]:
    """What waits for a message about ``item`` (``None``: about any), whether it takes it now or not."""
    run.prepare()
    event = BpmnEvent(MessageEventDefinition(message), {})
    return [task for task in _waiting(run, event) if item in {None, run.item_of(task)}]


def _waiting(run: Running, event: BpmnEvent) -> list[Task]:
    """What waits for the message, the longest waiting first: ids are drawn in order."""
    known = run.workflow.event_manager.tasks.values()
    return sorted((task for task in known if task.task_spec.catches(task, event)), key=lambda task: str(task.id))


def _catch(run: Running, task: Task, event: BpmnEvent, about: Mapping[str, object]) -> None:
    for key, value in about.items():
        names = [name for name in run.definition.specification.lists if name and name in task.data]
        if not names:
            raise StepFailed(OUTSIDE)
        run.engine.environment.set_item(task.data, names[-1], key, value)
    task.task_spec.catch(task, event)
    task.task_spec._update(task)
    if isinstance(task.task_spec, BoundaryEvent) and not task.task_spec.cancel_activity:
        rearm(run, task)


def _begins_beside(run: Running, event: BpmnEvent, message: str) -> bool:
    """Start an event sub-process of the main process; its start may count no waiting task."""
    if run.workflow.event_manager.catch(event, internal=False) > 0:
        return True
    element = run.definition.message_element(message)
    return "in_event_subprocess" in element.properties and not run.workflow.completed
