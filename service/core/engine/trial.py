"""Whether a definition can be built and begun, tried out: every process is laid out as the engine does at its start.

The engine lays out a process as far as it can look ahead. Done here once, where time and memory are limited, so that
no case is the first to find out. Nothing is run and nothing is kept.
"""

from datetime import UTC, datetime

from SpiffWorkflow.bpmn import BpmnWorkflow

from service.core import determinism
from service.core.definitions import ProcessDefinition
from service.core.expressions_hooks import SafeEngine

MEND = "Undo the last changes to the diagrams one by one, or ask the people who look after the service."
SOME_DAY = datetime(2026, 1, 15, 9, tzinfo=UTC)  # nothing falls due: any day will do


def begin(definition: ProcessDefinition) -> int:
    """Lay out every process of ``definition``; return how many steps that made. Raises what the engine raises."""
    specification = definition.specification
    with determinism.seams("trial", 1, SOME_DAY):
        return sum(
            len(BpmnWorkflow(process, dict(specification.called), script_engine=SafeEngine()).tasks)
            for process in (specification.main, *specification.called.values())
        )
