"""The engine's only way to work out a diagram's expressions: the safe grammar, over variables kept outside its tasks.

Importing this module also makes a workflow safe that was restored and given no engine: it gets this one.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import SpiffWorkflow.bpmn.workflow
from SpiffWorkflow.bpmn.exceptions import WorkflowTaskException
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.script_engine.python_environment import BasePythonScriptEngineEnvironment
from SpiffWorkflow.bpmn.specs.event_definitions.multiple import MultipleEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import (
    CycleTimerEventDefinition,
    DurationTimerEventDefinition,
    TimeDateEventDefinition,
    TimerEventDefinition,
)
from SpiffWorkflow.task import Task

from service.core import engine_limits, expressions, expressions_timers
from service.core.clocks import Clock, seen_from
from service.core.expressions import Line
from service.core.expressions_grammar import parse
from service.core.expressions_values import STEPS, WORK, ExprError, Run

_TIMERS: Mapping[type, Callable[[object], str]] = {
    TimeDateEventDefinition: expressions_timers.instant,
    DurationTimerEventDefinition: expressions_timers.duration,
    CycleTimerEventDefinition: expressions_timers.cycle,
}


EXPRESSIONS = 200  # so many that use all they may, in one step of a case; thousands of ordinary ones
FIND_WORK, REPLACE_WORK = 3, 6


class SafeEnvironment(BasePythonScriptEngineEnvironment):
    """What the expressions of one instance see.

    ``variables`` belong to the whole instance; ``lists`` maps the name of a multi-instance item to the list variable
    it comes from; ``extra`` are names the engine supplies, which win over all others, and so does ``clocks``: all time
    limits by key, and by their plain key those of the item a task stands in; ``at`` is now. All expressions together
    may use what two hundred may that use all they can: ExprError after that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.variables: dict[str, Any] = {}
        self.lists: Mapping[str, str] = {}
        self.extra: Mapping[str, Any] = {}
        self.clocks: Mapping[str, Clock] = {}
        self.at: datetime | None = None
        self.steps = EXPRESSIONS * STEPS
        self.work = EXPRESSIONS * WORK

    def evaluate(self, expression: str, context: Mapping[str, Any], external_context: Any = None) -> Any:
        """The value of an expression as a task with this data sees it."""
        with self._run() as run:
            run.names = self._names(run, expression, context, self.variables, external_context)
            return expressions.evaluate_tree(parse(expression), run)

    def execute(self, script: str, context: Mapping[str, Any], external_context: Any = None) -> bool:
        """Run a script: its assignments go to the variables, all of them or, on ExprError, none."""
        written = dict(self.variables)
        with self._run() as run:
            for number, line in enumerate(expressions.lines(script), 1):
                run.names = self._names(run, line.expression, context, written, external_context)
                self._write(run, written, context, line, expressions.run_line(run, line, number))
        self.variables.update(written)
        return True

    def set_item(self, context: Mapping[str, Any], item: str, key: str, value: object) -> None:
        """Set a field of the multi-instance item this task data belongs to, in its list variable."""
        self.variables[self.lists[item]] = self._with_field(Run({}, self.at), self.variables, context, item, key, value)

    def seen(self, context: Mapping[str, Any], text: str) -> dict[str, object]:
        """The names an expression or a text at a task with this data may use; items only if the text names them."""
        return self._names(Run({}, self.at), text, context, self.variables, None)

    def call_service(self, _context: Mapping[str, Any], **_kwargs: Any) -> Any:
        """ExprError: a diagram calls no services."""
        raise ExprError("a diagram cannot call services")

    @contextmanager
    def _run(self) -> Iterator[Run]:
        """One evaluation, paid for from what is left for all of them."""
        if self.steps <= 0 or self.work <= 0:
            raise ExprError("the expressions of one step together take too long")
        run = Run({}, self.at)
        try:
            yield run
        finally:
            self.steps -= STEPS - run.steps
            self.work -= WORK - run.work

    def _names(
        self, run: Run, text: str, context: Mapping[str, Any], variables: Mapping[str, Any], external: Any
    ) -> dict[str, object]:
        items: dict[str, object] = {}
        for item in self.lists:
            if item in context and type(text) is str and item in text:  # a long list takes long to look through
                found = _element(run, variables.get(self.lists[item]), context[item])
                items |= {} if found is None else {item: found}
        clocks = {"clocks": self._clocks(context)} if type(text) is not str or "clocks" in text else {}
        return {**context, **variables, **items, **(external or {}), **clocks, **self.extra}

    def _clocks(self, context: Mapping[str, Any]) -> dict[str, Any]:
        within = (_identity(context[item]) for item in self.lists if item in context)
        return seen_from(self.clocks, (str(each) for each in within))

    def _write(self, run: Run, written: dict[str, Any], context: Mapping[str, Any], line: Line, value: object) -> None:
        if line.field is None:
            if line.variable in self.lists or line.variable in self.extra or line.variable == "clocks":
                raise ExprError(f"'{line.variable}' is reserved and cannot be assigned to")
            written[line.variable] = value
        else:
            name = self.lists.get(line.variable, "")
            written[name] = self._with_field(run, written, context, line.variable, line.field, value)

    def _with_field(
        self, run: Run, variables: Mapping[str, Any], context: Mapping[str, Any], item: str, key: str, value: object
    ) -> list[Any]:
        if item not in self.lists or item not in context:
            raise ExprError(f"'{item}' is not an item of a repeated step here, so '{item}.{key}' cannot be set")
        group, wanted = variables.get(self.lists[item]), _identity(context[item])
        if type(group) is list:
            run.spend(REPLACE_WORK * len(group))
        if type(group) is not list or sum(_is(each, wanted) for each in group) != 1:
            raise ExprError(f"'{item}' is not one element with an id of its list, so '{item}.{key}' cannot be set")
        return [{**each, key: value} if _is(each, wanted) else each for each in group]


def _identity(item: Any) -> object:
    return item.get("id") if type(item) is dict else item


def _is(element: object, wanted: object) -> bool:
    known = element.get("id") if type(element) is dict else None
    return type(known) is str and type(wanted) is str and known == wanted


def _element(run: Run, group: object, item: object) -> object:
    wanted = _identity(item)
    if type(group) is not list:
        return None
    run.spend(FIND_WORK * len(group))
    return next((each for each in group if _is(each, wanted)), None)


class SafeEngine(PythonScriptEngine):
    """The engine's door to expressions; what fails is told with the task it failed at, and without any value."""

    environment: SafeEnvironment

    def __init__(self) -> None:
        super().__init__(SafeEnvironment())

    def validate(self, expression: str) -> None:
        """Refuse what is not allowed. A text that is no expression raises a SyntaxError: decision tables rely on it.

        They ask about ``v`` and the cell's text when a cell is no expression by itself; of a cell of blanks only the
        input would then be left, taken as the answer, so it is refused.
        """
        if expression != "v" and expression.strip() == "v":
            raise ExprError("a cell holds nothing but blanks: leave it empty, or write -")
        expressions.check(expression)

    def evaluate(self, task: Task, expression: str, external_context: Any = None) -> Any:
        """The value of an expression at a task; for its timer, the ISO text the engine reads."""
        return _told(task, lambda: self._value(task, expression, external_context))

    def execute(self, task: Task, script: str, external_context: Any = None) -> Any:
        """Run the script of a task. WorkflowTaskException, with nothing written, if it fails."""
        return _told(task, lambda: self.environment.execute(script, task.data, external_context))

    def call_service(self, task: Task, **kwargs: Any) -> Any:
        """WorkflowTaskException: a diagram calls no services."""
        return _told(task, lambda: self.environment.call_service(task.data, **kwargs))

    def _value(self, task: Task, expression: str, external_context: Any) -> Any:
        value = self.environment.evaluate(expression, task.data, external_context)
        if engine_limits.is_number_of_instances(task, expression):
            return engine_limits.instances(value)
        timer = _timer(task, expression)
        return value if timer is None else _TIMERS[type(timer)](value)


def _told(task: Task, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except ExprError as error:
        reason = error
    raise WorkflowTaskException(str(reason), task=task, exception=reason)


def _timer(task: Task, expression: str) -> TimerEventDefinition | None:
    known = getattr(task.task_spec, "event_definition", None)
    found = known.event_definitions if isinstance(known, MultipleEventDefinition) else [known]
    timers = (each for each in found if isinstance(each, TimerEventDefinition))
    return next((each for each in timers if each.expression == expression), None)


SpiffWorkflow.bpmn.workflow.PythonScriptEngine = SafeEngine
