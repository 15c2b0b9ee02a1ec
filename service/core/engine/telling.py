"""Automatic work, told as it happens: which elements were passed, which timers fired, what decisions gave.

``settle`` runs everything that needs nobody, in turns, until only people, timers and messages are waited for.
"""

from datetime import datetime

from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent, EventBasedGateway
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import MultiInstanceTask
from SpiffWorkflow.dmn.specs.business_rule_task_mixin import BusinessRuleTaskMixin
from SpiffWorkflow.task import Task

from service.core.engine.memory import OpenTimer
from service.core.engine.noticing import breached, notice, timer_new
from service.core.engine.running import DEPTH, TOO_DEEP, Running, let_go_of_cancelled, ready_tasks
from service.core.errors import StepFailed
from service.core.events import DecisionEvaluated, ElementCompleted, Event, TimerFired

TURNS = 1_000


def settle(run: Running) -> None:
    """Run everything automatic, then take notice of what opened and closed; again while that made more ready."""
    for _ in range(TURNS):
        run.prepare()
        run.workflow.do_engine_steps(lambda t: before(run, t), lambda t: after(run, t))
        # The engine refreshes its timers last and does not run what that made ready.
        run.workflow.refresh_timers()
        let_go_of_cancelled(run.workflow)
        if _automatic_is_ready(run):
            continue
        notice(run)
        if not _automatic_is_ready(run):
            return
    raise StepFailed("The diagram goes round without ever waiting for anybody.")


def _automatic_is_ready(run: Running) -> bool:
    return any(not t.task_spec.manual for t in ready_tasks(run.workflow))


def before(run: Running, task: Task) -> None:
    """What must be seen or tidied before an element runs."""
    if task.depth > DEPTH:
        raise StepFailed(TOO_DEEP, element=getattr(task.task_spec, "bpmn_id", None))
    run.prepare()
    if isinstance(task.task_spec, MultiInstanceTask) and task.task_spec.input_item is not None:
        # Left over from its own finished children; a second pass through the loop would stumble over it.
        task.data.pop(task.task_spec.input_item.bpmn_id, None)
    if isinstance(task.task_spec, BusinessRuleTaskMixin):
        run.events.append(_decision(run, task))


def after(run: Running, task: Task) -> None:
    """Tell that an element was passed; lift a decision's outputs into the process variables."""
    if isinstance(task.task_spec, BusinessRuleTaskMixin):
        _lift_outputs(run, task)
    if isinstance(task.task_spec, BoundaryEvent) and task.task_spec.cancel_activity:
        let_go_of_cancelled(run.workflow)  # before the engine comes to what hangs on nothing any more
    place = run.place_of(task)
    if place is None or isinstance(task.task_spec, MultiInstanceTask):
        return
    if _fired(run, task):
        _timer_fired(run, task, place)
    run.events.append(ElementCompleted(*place, run.item_of(task)))
    element = run.definition.element(*place)
    if place[0] == run.definition.main and element.ends_process:
        run.memory.end = element.id


def _fired(run: Running, task: Task) -> bool:
    """Whether this element was passed because a timer went off (a gateway's timer: because its instant has passed)."""
    if isinstance(getattr(task.task_spec, "event_definition", None), TimerEventDefinition):
        return True
    known = run.memory.timers.get(str(task.id))
    return isinstance(task.task_spec, EventBasedGateway) and known is not None and known.due < run.seam.now


def _timer_fired(run: Running, task: Task, place: tuple[str, str]) -> None:
    timer_id = str(task.id)
    if timer_id not in run.memory.timers:  # its instant had passed when it was armed
        kept = task.internal_data.get("event_value")
        due = datetime.fromisoformat(kept) if isinstance(kept, str) else run.seam.now
        timer_new(run, task, OpenTimer(*place, due))
    gone = run.memory.timers.pop(timer_id)
    run.events.append(TimerFired(timer_id, *place, gone.due))
    breached(run, timer_id)


def _decision(run: Running, task: Task) -> Event:
    engine = task.task_spec.dmnEngine
    table = engine.decision_table
    rules = engine.decide(task)
    inputs = {i.label or i.expression: run.engine.evaluate(task, i.expression) for i in table.inputs}
    place = run.place_of(task) or (run.definition.main, task.task_spec.name)
    outputs = dict(engine.result(task))
    return DecisionEvaluated(table.id, place[0], place[1], inputs, [r.id for r in rules], outputs)


def _lift_outputs(run: Running, task: Task) -> None:
    for output in task.task_spec.dmnEngine.decision_table.outputs:
        name = output.name or output.label
        if name in task.data:
            run.memory.variables[name] = task.data.pop(name)
        for child in task.children:
            child.data.pop(name, None)
