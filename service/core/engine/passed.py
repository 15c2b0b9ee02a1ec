"""Two elements that every process has and no diagram shows: what a case passed that its present version lacks.

A case that moves to another version keeps its finished steps, also those the new diagram has no more. They hang on
these two. Nothing leads to them or from them, so no join counts them, no marker draws them and nothing runs them. Two
are needed: a boundary event that has gone must still look like one, or its activity's join would take it for the
activity itself.
"""

from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.control import SimpleBpmnTask
from SpiffWorkflow.bpmn.specs.defaults import BoundaryEvent
from SpiffWorkflow.bpmn.specs.event_definitions import NoneEventDefinition

PASSED = "(passed)"
PASSED_EVENT = "(passed event)"


def add_to(process: BpmnProcessSpec) -> None:
    """Give a process the two elements. No id of a diagram can be theirs: an id has no brackets."""
    SimpleBpmnTask(process, PASSED)
    event = BoundaryEvent(process, PASSED_EVENT, NoneEventDefinition(), cancel_activity=False)
    event.bpmn_id = None
