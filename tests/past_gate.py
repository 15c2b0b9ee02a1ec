"""Cases of diagrams that never saw the gate: given to the engine directly, stored and taken up again."""

import warnings

from lxml import etree
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.spiff.parser import SpiffBpmnParser
from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
from SpiffWorkflow.util.task import TaskState

from service.core.gate import xml_door


def begun(files, engine=None, **variables):
    """A case of the diagram, past the gate, waiting at its first task."""
    parser = SpiffBpmnParser()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "table.dmn" in files:
            parser.add_dmn_xml(etree.fromstring(files["table.dmn"].encode(), xml_door.parser()), filename="table.dmn")
        parser.add_bpmn_xml(etree.fromstring(files["main.bpmn"].encode(), xml_door.parser()), filename="main.bpmn")
        made = BpmnWorkflow(parser.get_spec("main"), parser.get_subprocess_specs("main"), script_engine=engine)
    made.script_engine.environment.variables.update(variables)
    made.do_engine_steps()
    return made


def restored(case):
    """The case as it comes back from being stored, with whatever engine that gives it."""
    serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))
    back = serializer.deserialize_json(serializer.serialize_json(case))
    back.script_engine.environment.variables.update(case.script_engine.environment.variables)
    return back


def played(case):
    """Go through the place that the case stands before."""
    (waiting,) = (t for t in case.get_tasks(state=TaskState.READY) if t.task_spec.manual)
    waiting.run()
    for _ in range(5):
        case.do_engine_steps()
        case.refresh_timers()
        for task in [t for t in case.get_tasks(state=TaskState.READY) if t.task_spec.manual]:
            task.run()
