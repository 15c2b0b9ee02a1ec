"""Which sequence flows of a definition no story takes, in words a process owner finds them by. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from lxml import etree

from service.core.definitions import ProcessDefinition
from service.core.diagram_reading import BPMN, plain_text, tree
from service.core.diagram_words import kind_words


@dataclass(frozen=True, slots=True)
class Way:
    """A sequence flow: the process it belongs to, its id, and itself in words."""

    process: str
    flow: str
    words: str


@dataclass(frozen=True, slots=True)
class Covered:
    """One diagram: its process id and name, all its flows, and those that were never taken."""

    process: str
    name: str
    ways: tuple[Way, ...]
    missing: tuple[Way, ...]


def coverage(definition: ProcessDefinition, taken: Collection[tuple[str, str]]) -> list[Covered]:
    """Every diagram that is executed, by process id; ``taken`` are process and flow ids."""
    found = []
    for process in sorted(definition.processes.values(), key=lambda p: p.id):
        node = _process(definition.files[process.file], process.id)
        if node is None or node.get("isExecutable") in {"false", "0"}:
            continue
        ways = tuple(_ways(node, process.id))
        missing = tuple(w for w in ways if (w.process, w.flow) not in taken)
        found.append(Covered(process.id, process.name, ways, missing))
    return found


def percentage(covered: Collection[Covered]) -> float:
    """How many of a hundred flows were taken; 100 only when all were."""
    every = sum(len(c.ways) for c in covered)
    return 100 * (every - sum(len(c.missing) for c in covered)) / every if every else 100.0


def _process(text: str, process_id: str) -> etree._Element | None:
    found = (p for p in tree(text).iter(f"{{{BPMN}}}process") if p.get("id") == process_id)
    return next(found, None)


def _ways(process: etree._Element, process_id: str) -> list[Way]:
    nodes = {n.get("id"): n for n in process.iter(f"{{{BPMN}}}*") if n.get("id")}
    return [
        Way(process_id, flow.get("id", ""), _words(flow, nodes)) for flow in process.iter(f"{{{BPMN}}}sequenceFlow")
    ]


def _words(flow: etree._Element, nodes: dict[str | None, etree._Element]) -> str:
    source, target = nodes.get(flow.get("sourceRef")), nodes.get(flow.get("targetRef"))
    says = plain_text(flow.get("name"))
    if not says and source is not None and source.get("default") == flow.get("id"):
        says = "otherwise"
    return f"{_name(source)} {f'– {says} ' if says else ''}→ {_name(target)}"


def _name(node: etree._Element | None) -> str:
    """What people call a node; one without a name by its kind and its id."""
    if node is None:
        return "nothing"
    called = plain_text(node.get("name"))
    return f"“{called}”" if called else f"{kind_words(etree.QName(node).localname)} {node.get('id')}"
