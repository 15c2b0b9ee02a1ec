"""The engine's reading of a definition, parsed once and shared by every instance of it.

SpiffWorkflow changes a few lists of a specification while an instance runs (an event sub-process is connected when
it first starts). ``Specification.fresh`` puts those lists back before each step, so instances never see each other;
a test runs interleaved instances against separate ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.data_spec import TaskDataReference
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask, MultiInstanceTask
from SpiffWorkflow.specs.base import TaskSpec
from SpiffWorkflow.task import Task

from service.core import engine_form
from service.core.engine import passed
from service.core.engine.joins import DiagramParser


class VariableList(TaskDataReference):
    """The list a multi-instance runs over, read from the process variables instead of from copied task data.

    Items are cut down to their ids: everything else about an item is looked up where it is kept. The property
    ``only`` of the activity, an expression about its item, says for which items it is done; without it, for all.
    """

    def __init__(self, bpmn_id: str, item: str = "", only: str = "") -> None:
        super().__init__(bpmn_id)
        self.item, self.only = item, only

    def get(self, my_task: Task) -> list[object]:
        """Return the ids of the list's items, each as ``{"id": …}`` or the plain text itself."""
        environment = my_task.workflow.script_engine.environment
        found = environment.variables.get(self.bpmn_id)
        if not isinstance(found, list | tuple):
            raise TypeError(f"{self.bpmn_id} must be a list to be repeated over")
        if self.only:
            found = [i for i in found if environment.evaluate(self.only, {self.item: i})]
        return [{"id": i["id"]} if isinstance(i, dict) and "id" in i else i for i in found]

    def exists(self, my_task: Task) -> bool:
        """Whether the process variable is set at all."""
        return self.bpmn_id in my_task.workflow.script_engine.environment.variables


class Item(TaskDataReference):
    """The item of a multi-instance, as its steps see it.

    Each turn leaves its item behind in the data of the repetition. The engine takes that for a clash, so that no
    sequential repetition would come to its second turn; and a turn would see the item of the one before.
    """

    def exists(self, my_task: Task) -> bool:
        """Asked before each turn begins: sweep away what the turn before left, so that nothing is in the way."""
        my_task.data.pop(self.bpmn_id, None)
        return False


@dataclass(frozen=True)
class Specification:
    """The main process, the processes it may call by id, and what is needed to share them."""

    main: BpmnProcessSpec
    called: dict[str, BpmnProcessSpec]
    lists: dict[str, str]
    connections: tuple[tuple[TaskSpec, list[str], list[str]], ...]

    def fresh(self) -> None:
        """Undo what a former step may have connected."""
        for spec, inputs, outputs in self.connections:
            spec._inputs = list(inputs)
            spec._outputs = list(outputs)


def build(diagrams: Mapping[str, etree._Element], tables: Mapping[str, etree._Element], main: str) -> Specification:
    """Parse trees (path to root element) into a specification whose main process is ``main``.

    Raises SpiffWorkflow's ``ValidationException`` for what the engine cannot read; the gate says it in plain words.
    """
    parser = DiagramParser()
    for path, root in tables.items():
        parser.add_dmn_xml(engine_form.table(root), filename=path)
    for path, root in diagrams.items():
        parser.add_bpmn_xml(engine_form.diagram(root), filename=path)
    spec = parser.get_spec(main)
    called = parser.get_subprocess_specs(main)
    for process in (spec, *called.values()):
        _hear_what_is_repeated(process)
        passed.add_to(process)
    every = [t for process in (spec, *called.values()) for t in process.task_specs.values()]
    return Specification(
        main=spec,
        called=called,
        lists=dict(_read_from_variables(t) for t in every if isinstance(t, MultiInstanceTask) and t.data_input),
        connections=tuple((t, list(t._inputs), list(t._outputs)) for t in every),
    )


def _hear_what_is_repeated(process: BpmnProcessSpec) -> None:
    """Tell each repetition when one of its turns is done.

    The engine connects the two only where it makes the turns: a case taken up by another server process than the one
    that began its repetition would wait for ever.
    """
    for spec in list(process.task_specs.values()):
        if isinstance(spec, LoopTask):
            process.task_specs[spec.task_spec].completed_event.connect(spec.merge_child)


def _read_from_variables(spec: MultiInstanceTask) -> tuple[str, str]:
    spec.data_input = VariableList(spec.data_input.bpmn_id)
    if spec.input_item is None:
        return "", spec.data_input.bpmn_id
    # Expressions speak of the item by its name; its id only has to be unique in the file.
    spec.input_item = Item(spec.input_item.bpmn_name or spec.input_item.bpmn_id)
    repeated = spec._wf_spec.task_specs[spec.task_spec]
    only = (getattr(repeated, "extensions", None) or {}).get("properties", {}).get("only", "")
    spec.data_input = VariableList(spec.data_input.bpmn_id, spec.input_item.bpmn_id, only)
    return spec.input_item.bpmn_id, spec.data_input.bpmn_id
