"""Whether a parsed state holds together: asked of the plain JSON, before the engine builds anything from it.

The engine takes any task in any state for true, walks a cycle for ever and stumbles over a missing child. So every
level must be one tree whose tasks each stand in one legal state and name an element of the definition; every
sub-process must hang on a task that calls it; and typed values must be of the few types that are ever written.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.mixins.subworkflow_task import SubWorkflowTask
from SpiffWorkflow.util.task import TaskState

from service.core.engine.specification import Specification
from service.core.engine.state_form import ENVELOPE
from service.core.errors import StateDamaged

ENVELOPE_KEYS = frozenset(
    {"version", "at", "variables", "clocks", "reminders", "tasks", "timers", "end", "outcome", "workflow"}
)
LEVEL_KEYS = frozenset({"typename", "data", "correlations", "last_task", "success", "completed", "tasks", "root"})
MAIN_KEYS = LEVEL_KEYS | {"subprocesses", "bpmn_events"}
CALLED_KEYS = LEVEL_KEYS | {"parent_task_id", "spec"}
TASK_KEYS = frozenset(
    {"typename", "id", "parent", "children", "last_state_change", "state", "task_spec", "triggered", "internal_data",
     "data"}
)  # fmt: skip
STATES = frozenset(TaskState._values)
DEPARTURES = ("made", "approved", "objected")
PLAIN_TYPES = frozenset({"UUID", "datetime", "timedelta"})
EVENT_TYPES = PLAIN_TYPES | {"BpmnEvent"}
EVENT_DEFINITION = "EventDefinition"

Written = Mapping[str, Any]


def check(specification: Specification, kept: Any) -> None:
    """Raise ``StateDamaged``, naming the part and never a value, unless ``kept`` is a whole state of a definition."""
    _require(isinstance(kept, dict) and kept.get("version") == ENVELOPE, "its version")
    _require(kept.keys() - {"suspended", "departures", "rests"} == ENVELOPE_KEYS, "its parts")
    became = kept.get("departures", [])
    _require(isinstance(became, list) and all(one in DEPARTURES for one in became), "its departures")
    _require(isinstance(kept.get("rests", ""), str), "where it rests")
    main = kept["workflow"]
    _require(isinstance(main, dict) and main.keys() == MAIN_KEYS and main["typename"] == "BpmnWorkflow", "its flow")
    _require(main["bpmn_events"] == [] and isinstance(main["subprocesses"], dict), "its events and sub-processes")
    _level(specification.main, main)
    seen = set(main["tasks"]) | _sub_processes(specification, main)
    _require(kept["tasks"].keys() <= seen, "its open tasks")


def check_values(main: Written) -> None:
    """Raise ``StateDamaged`` for a value among tasks about to be saved that could never be read again."""
    for level in (main, *main["subprocesses"].values()):
        for task in level["tasks"].values():
            _types(task["data"], PLAIN_TYPES, events=False)
            _types(task["internal_data"], EVENT_TYPES, events=True)


def _sub_processes(specification: Specification, main: Written) -> set[str]:
    """Check the levels below from the top downwards: one that hangs on nothing, or on itself, is never reached."""
    waiting = dict(main["subprocesses"])
    seen: set[str] = set()
    levels: list[tuple[BpmnProcessSpec, Written]] = [(specification.main, main)]
    for spec, level in levels:  # grows while it is walked
        for task_id, task in level["tasks"].items():
            called = waiting.pop(task_id, None)
            if called is None:
                continue
            caller = spec.task_specs[task["task_spec"]]
            _require(isinstance(caller, SubWorkflowTask), "what calls a sub-process")
            _require(isinstance(called, dict) and called.keys() == CALLED_KEYS, "a sub-process")
            named = (called["typename"], called["parent_task_id"], called["spec"])
            below = specification.called.get(caller.spec)
            _require(below is not None and named == ("BpmnSubWorkflow", task_id, below.name), "what a sub-process is")
            _level(below, called)
            _require(seen.isdisjoint(called["tasks"]), "the ids of its tasks")
            seen |= set(called["tasks"])
            levels.append((below, called))
    _require(not waiting and seen.isdisjoint(main["tasks"]), "where its sub-processes hang")
    return seen


def _level(spec: BpmnProcessSpec, level: Written) -> None:
    tasks = level["tasks"]
    _require(isinstance(tasks, dict) and isinstance(level["data"], dict), "the tasks of a level")
    for task_id, task in tasks.items():
        _task(spec, task_id, task)
    _require(set(_walk(tasks, level["root"])) == tasks.keys(), "its task tree")
    _require(level["last_task"] is None or level["last_task"] in tasks, "its last task")
    _types(level["data"], PLAIN_TYPES, events=False)


def _task(spec: BpmnProcessSpec, task_id: str, task: Any) -> None:
    _require(isinstance(task, dict) and task.keys() == TASK_KEYS and task["typename"] == "Task", "a task")
    _require(task["id"] == task_id and isinstance(task["children"], list), "the id of a task")
    state = task["state"]
    _require(type(state) is int and state in STATES, "the state of a task")
    _require(isinstance(task["task_spec"], str) and task["task_spec"] in spec.task_specs, "the element of a task")
    _require(isinstance(task["internal_data"], dict) and isinstance(task["data"], dict), "the data of a task")
    _require(type(task["triggered"]) is bool and type(task["last_state_change"]) in {int, float}, "a task")
    _types(task["data"], PLAIN_TYPES, events=False)
    _types(task["internal_data"], EVENT_TYPES, events=True)


def _walk(tasks: Written, root: Any) -> Iterator[str]:
    """Every task below ``root``, each met once: meeting one twice, or under another parent, is damage."""
    _require(root in tasks and tasks[root]["parent"] is None, "the root of its task tree")
    waiting, met = [root], {root}
    while waiting:
        task_id = waiting.pop()
        yield task_id
        for child in tasks[task_id]["children"]:
            _require(child in tasks and child not in met and tasks[child]["parent"] == task_id, "its task tree")
            met.add(child)
            waiting.append(child)


def _types(value: Any, allowed: frozenset[str], *, events: bool) -> None:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            name = found.get("typename", "UUID")
            known = isinstance(name, str) and (name in allowed or (events and name.endswith(EVENT_DEFINITION)))
            _require(known, "the type of a value")
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


def _require(holds: bool, part: str) -> None:  # noqa: FBT001 - reads as the sentence it makes
    if not holds:
        raise StateDamaged(f"The stored state of this case does not hold together: {part}.")
