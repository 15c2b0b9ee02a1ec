"""What an element of one version of a definition is called in the next: the same, unless the plan renames it.

The engine adds elements of its own around a step with events on its edge, a repeated step, and the end of a process;
their names are made of the step's, and follow it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.specs.base import TaskSpec

from service.core.definitions import Element, ProcessDefinition

SPLIT, JOIN, CHILD, END = ".BoundaryEventSplit", ".BoundaryEventJoin", " [child]", ".EndJoin"
INNER = frozenset({"subProcess", "transaction"})


@dataclass(frozen=True)
class Names:
    """The names of ``former`` in ``new``; ``plan`` maps process ids and element ids (``"process:element"``).

    A *level* is what the engine calls a process: a diagram's process, or a sub-process inside one.
    """

    former: ProcessDefinition
    new: ProcessDefinition
    plan: Mapping[str, str]

    @cached_property
    def diagrams(self) -> dict[str, str]:
        """The id of the diagram's process each level of the former version is drawn in."""
        inner = {e.id: p.id for p in self.former.processes.values() for e in p.elements.values() if e.kind in INNER}
        return {**inner, **{process_id: process_id for process_id in self.former.processes}}

    def element(self, level: str, element_id: str) -> str:
        """The new id of an element of a level of the former version."""
        return self.plan.get(self.key(level, element_id), self.plan.get(element_id, element_id))

    def key(self, level: str, element_id: str) -> str:
        """How the plan names an element without doubt: ``process:element``."""
        return f"{self.diagrams.get(level, level)}:{element_id}"

    def level(self, name: str) -> str:
        """The new name of a level."""
        return self.plan.get(name, name) if name in self.former.processes else self.element(name, name)

    def spec_name(self, level: str, name: str) -> str:
        """The new name of an element as the engine names it, its own elements included."""
        if name == level + END:
            return self.level(level) + END
        for suffix in (SPLIT, JOIN, CHILD):
            if name.endswith(suffix):
                return self.element(level, name.removesuffix(suffix)) + suffix
        return self.element(level, name)

    def process(self, level: str, *, main: bool = False) -> BpmnProcessSpec | None:
        """The new specification of a level, or ``None`` if there is none."""
        specification = self.new.specification
        wanted = self.level(level)
        if main:
            return specification.main if specification.main.name == wanted else None
        return specification.called.get(wanted)

    def words(self, level: str, spec: TaskSpec) -> str:
        """What people call an element of the former version: its name, or its id."""
        found = self.drawn(level, base(spec.name))
        return (found.name if found is not None else "") or base(spec.name)

    def drawn(self, level: str, element_id: str) -> Element | None:
        """An element of the former version as its diagram shows it."""
        process = self.former.processes.get(self.diagrams.get(level, level))
        return process.elements.get(element_id) if process is not None else None

    def redrawn(self, level: str, element_id: str) -> Element | None:
        """An element as the new version's diagram shows it, by its new id."""
        diagram = self.diagrams.get(level, level)
        process = self.new.processes.get(self.plan.get(diagram, diagram))
        return process.elements.get(element_id) if process is not None else None


def base(name: str) -> str:
    """The id of the step an element of the engine's own belongs to; an element of the diagram is its own."""
    for suffix in (SPLIT, JOIN, CHILD):
        name = name.removesuffix(suffix)
    return name
