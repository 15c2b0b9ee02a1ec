"""Whether a message is offered now: its receiving event may say ``when`` (an expression) and ``when_not`` (words).

The expression is worked out where the message would be received, over the case as it stands before the message's own
answers. A start of the main process knows the local rules and nothing of a case.
"""

from datetime import datetime

from SpiffWorkflow.task import Task

from service.core import expressions
from service.core.definitions import Element, ProcessDefinition
from service.core.engine.running import Running
from service.core.errors import NotOffered

NOT_NOW = "This cannot be sent now."


def refusal(run: Running, element: Element | None, task: Task | None) -> str | None:
    """Why what ``element`` receives is not offered now, in its sentence; ``None`` if it is. Raises ``ExprError``."""
    when = element.properties.get("when", "").strip() if element is not None else ""
    if element is None or not when:
        return None
    run.prepare()
    environment = run.engine.environment
    data = task.data if task is not None else {}
    if environment.evaluate(when, data):
        return None
    return run.filled(data, element.properties.get("when_not", "")) or NOT_NOW


def offered_to_start(definition: ProcessDefinition, element: Element, at: datetime) -> bool:
    """Whether a start of the main process is offered at an instant; one that cannot be told is, and is judged then."""
    when = element.properties.get("when", "").strip()
    try:
        return not when or bool(expressions.evaluate(when, definition.supplied, at=at))
    except expressions.ExprError:
        return True


def require_start(run: Running, message: str) -> None:
    """Raise ``NotOffered`` unless a case may be started by this message now."""
    element = next((e for e in run.definition.start_messages() if e.message == message), None)
    said = refusal(run, element, None)
    if said is not None:
        raise NotOffered(said)


def receiver(run: Running, task: Task, message: str) -> Element | None:
    """The event that receives ``message`` at a task: its own, or behind a wait for what comes first."""
    element = run.element_of(task)
    if element is None or element.message == message:
        return element
    process = run.definition.processes[element.process]
    behind = (process.elements[to] for source, to in process.flows if source == element.id)
    return next((e for e in behind if e.message == message), element)


def beside(run: Running, message: str) -> Element | None:
    """The event that starts an event sub-process of the main process by ``message``."""
    found = run.definition.processes[run.definition.main].elements.values()
    starts = (e for e in found if e.kind == "startEvent" and "in_event_subprocess" in e.properties)
    return next((e for e in starts if e.message == message), None)
