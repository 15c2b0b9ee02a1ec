"""The last question: can the engine itself read what passed every other rule? Its refusals are told in plain words."""

from collections.abc import Iterator

from SpiffWorkflow.bpmn.parser.ValidationException import ValidationException

from service.core import engine_form
from service.core.engine.joins import DiagramParser
from service.core.gate.finding import Finding
from service.core.gate.model import Bundle

MEND = "Draw this part again in the editor; if it still cannot be read, ask the people who look after the service."


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield one error if the engine cannot read the deployment. Ask only when nothing else was wrong."""
    engine = DiagramParser()
    place = bundle.documents[0].path if bundle.documents else ""
    try:
        for document in bundle.tables:
            place = document.path
            engine.add_dmn_xml(engine_form.table(document.root), filename=document.path)
            engine.dmn_parsers[next(reversed(engine.dmn_parsers))].parse()
        for document in bundle.documents:
            place = document.path
            engine.add_bpmn_xml(engine_form.diagram(document.root), filename=document.path)
        for scope in bundle.running:
            if scope.parent is None:
                place = scope.file
                engine.get_spec(scope.id)
                engine.get_subprocess_specs(scope.id)
    except ValidationException as refused:
        line = refused.line_number or None
        message = f"The engine cannot read this: {refused}"
        yield Finding(place, line, refused.id or None, "error", "unreadable", message, MEND)
    except RecursionError:
        message = "One way through this diagram is too long for the engine to follow."
        yield Finding(place, None, None, "error", "too-long", message, "Move a stretch into a process of its own.")
    except Exception as broken:  # noqa: BLE001 - whatever the reader stumbles over, the answer is a finding
        message = f"The engine cannot read this: {type(broken).__name__}: {broken}"
        yield Finding(place, None, None, "error", "unreadable", message, MEND)
