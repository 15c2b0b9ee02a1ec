"""A process definition: the diagrams, tables, forms, directories and scenarios of one deployment, under one hash.

Promises: the hash covers every byte of every file; what was deployed is kept as it was sent; parsing never fetches
anything and never resolves an entity. What a deployment refuses is ``core.gate``'s business, not this module's.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import RLock
from typing import Any

from lxml import etree

from service.core import local_rules, values, ways_apart
from service.core.engine.specification import Specification, build
from service.core.errors import NotFound
from service.core.placeholders import Telling
from service.core.wordings import wording

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
SPIFF = "http://spiffworkflow.org/bpmn/schema/1.0/core"
NS = {"bpmn": BPMN, "spiff": SPIFF}
DIRECTORIES = ("agencies",)


@dataclass(frozen=True, slots=True)
class Element:
    """A node of a diagram that people meet: its id, name, BPMN kind, process, properties, guidance and role."""

    id: str
    name: str
    kind: str
    process: str
    properties: Mapping[str, str]
    guidance: str
    role: str | None
    message: str | None = None
    attached_to: str | None = None
    timer: str | None = None

    @property
    def ends_process(self) -> bool:
        """Whether this is an end of the process itself, not of something beside it."""
        return self.kind == "endEvent" and "in_event_subprocess" not in self.properties


@dataclass(frozen=True, slots=True)
class Process:
    """One diagram: its process id, name and file, the elements by id, and which flows join which two nodes."""

    id: str
    name: str
    file: str
    elements: Mapping[str, Element]
    flows: Mapping[tuple[str, str], tuple[str, ...]]


@dataclass(frozen=True)
class ProcessDefinition:
    """Everything one deployment consists of. ``files`` maps a path such as ``processes/P0.bpmn`` to its text."""

    hash: str
    files: Mapping[str, str]
    lock: RLock = field(default_factory=RLock, repr=False, compare=False)

    @cached_property
    def deployment(self) -> dict[str, Any]:
        """What this deployment is called and where it starts: ``processes/deployment.json``."""
        return dict(self._json("processes/deployment.json", {}))

    @cached_property
    def roles(self) -> dict[str, dict[str, Any]]:
        """Roles by id."""
        return {r["id"]: r for r in self._json("processes/roles.json", [])}

    @cached_property
    def clauses(self) -> dict[str, dict[str, Any]]:
        """Clauses by id."""
        return {c["id"]: c for c in self._json("processes/clauses.json", [])}

    @cached_property
    def directories(self) -> dict[str, list[dict[str, Any]]]:
        """Lists that forms choose from, such as agencies: name to rows with ``id`` and ``name``."""
        return {name: self._json(f"processes/{name}.json", []) for name in DIRECTORIES}

    @cached_property
    def trace(self) -> list[dict[str, Any]]:
        """The duties this definition fulfils, as rows: ``processes/trace.json``; see ``core.trace``."""
        return list(self._json("processes/trace.json", []))

    @cached_property
    def local(self) -> dict[str, local_rules.Value]:
        """What expressions see as ``local``: the values of the local rules by id; empty where there are none."""
        return {row["id"]: local_rules.value_of(row["value"]) for row in self.local_rules}

    @property
    def supplied(self) -> dict[str, Any]:
        """The names a definition gives to every expression; they win over variables of the same name."""
        return {"local": self.local} if self.local else {}  # else an older definition may have such a variable

    @cached_property
    def local_rules(self) -> list[dict[str, Any]]:
        """The local rules as rows with ``id``, ``value``, ``unit``, ``name`` and ``about``."""
        return local_rules.rows_of(self._json(local_rules.FILE, []))

    @cached_property
    def forms(self) -> dict[str, dict[str, Any]]:
        """Forms by key: ``forms/<key>.json``."""
        return self._folder("forms")

    @cached_property
    def documents(self) -> dict[str, dict[str, Any]]:
        """What is said of the documents made from cases, by id: ``processes/documents/<id>.json``."""
        return self._folder("processes/documents")

    @cached_property
    def processes(self) -> dict[str, Process]:
        """Diagrams by process id."""
        read = [p for path in self._paths("bpmn") for p in _processes(path, self.files[path], self._role_ids)]
        return {p.id: p for p in read}

    @cached_property
    def specification(self) -> Specification:
        """The engine's reading of the diagrams; used only under ``lock``."""
        diagrams, tables = ({p: _tree(self.files[p]) for p in self._paths(kind)} for kind in ("bpmn", "dmn"))
        return build(diagrams, tables, self.main)

    @cached_property
    def apart(self) -> "ProcessDefinition":
        """The same definition, in which flows between the same two nodes can be told apart by what was passed."""
        files = {path: ways_apart.told(self.files[path]) for path in self._paths("bpmn")}
        changed = any(files[path] != self.files[path] for path in files)
        return definition_of({**self.files, **files}) if changed else self

    @property
    def main(self) -> str:
        """The id of the process a case runs."""
        return str(self.deployment["main"])

    def element(self, process_id: str, element_id: str) -> Element:
        """Return one node. Raises ``NotFound``."""
        process = self.processes.get(process_id)
        if process is None or element_id not in process.elements:
            raise NotFound("There is no such step in this process.")
        return process.elements[element_id]

    def start_messages(self) -> list[Element]:
        """The start events of the main process that a message starts, in the order of the diagram."""
        found = self.processes[self.main].elements.values()
        return [
            e for e in found if e.kind == "startEvent" and e.message and not e.properties.get("in_event_subprocess")
        ]

    def message_element(self, message: str) -> Element:
        """The node that receives ``message``; one with a form is preferred. Raises ``NotFound``."""
        found = [e for p in self.processes.values() for e in p.elements.values() if e.message == message]
        for element in sorted(found, key=lambda e: "form" not in e.properties):
            return element
        raise NotFound("This process does not know that message.")

    def telling(self, names: Mapping[str, Any]) -> Telling:
        """What the places in this definition's texts are filled from, in a case with these names."""
        return replace(self._wording, names=names)

    @cached_property
    def _wording(self) -> Telling:
        return wording(self.local, self.local_rules, self.directories, self.forms)

    def diagram(self, process_id: str) -> str:
        """The XML text of a diagram, as deployed. Raises ``NotFound``."""
        process = self.processes.get(process_id)
        if process is None:
            raise NotFound("There is no such diagram.")
        return self.files[process.file]

    def listed_as(self, key: str | None) -> str:
        """The name a directory gives to the id ``key``, else the id; an empty text for none."""
        rows = (row for rows in self.directories.values() for row in rows)
        return next((str(row["name"]) for row in rows if str(row["id"]) == key), key or "")

    def role_name(self, role_id: str | None) -> str:
        """The name people read for a role."""
        return str(self.roles.get(role_id or "", {}).get("name", role_id or ""))

    def _paths(self, ending: str) -> list[str]:
        return sorted(p for p in self.files if p.startswith("processes/") and p.endswith("." + ending))

    def _folder(self, folder: str) -> dict[str, dict[str, Any]]:
        found = (re.fullmatch(rf"{folder}/(\w+)\.json", path) for path in self.files)
        return {m[1]: json.loads(self.files[m[0]]) for m in found if m}

    def _json(self, path: str, default: Any) -> Any:
        return json.loads(self.files[path]) if path in self.files else default

    @property
    def _role_ids(self) -> dict[str, str]:
        return {r["name"]: r["id"] for r in self.roles.values()}


def definition_of(files: Mapping[str, str]) -> ProcessDefinition:
    """Return the definition made of ``files`` (path to text)."""
    return ProcessDefinition(hash=content_hash(files), files=dict(files))


def content_hash(files: Mapping[str, str]) -> str:
    """Return the hash of a deployment: over the path and SHA-256 of every file."""
    return values.sha256(values.canonical({path: values.sha256(text.encode()) for path, text in files.items()}))


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, attribute_defaults=False,
        huge_tree=False, recover=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip


def _tree(text: str) -> etree._Element:
    return etree.fromstring(text.encode(), _parser())


def _processes(path: str, text: str, role_ids: Mapping[str, str]) -> list[Process]:
    root = _tree(text)
    messages = {m.get("id"): m.get("name") for m in root.iterfind(".//bpmn:message", NS)}
    return [_process(path, node, messages, role_ids) for node in root.iterfind("bpmn:process", NS)]


def _process(
    path: str, node: etree._Element, messages: Mapping[str | None, str | None], role_ids: Mapping[str, str]
) -> Process:
    process_id = node.get("id", "")
    lanes = {
        (ref.text or "").strip(): role_ids.get(lane.get("name", ""), "")
        for lane in node.iterfind(".//bpmn:lane", NS)
        for ref in lane.iterfind("bpmn:flowNodeRef", NS)
    }
    elements: dict[str, Element] = {}
    flows: dict[tuple[str, str], tuple[str, ...]] = {}
    for child in node.iter(f"{{{BPMN}}}*"):
        if child.tag == f"{{{BPMN}}}sequenceFlow":
            ends = (child.get("sourceRef", ""), child.get("targetRef", ""))
            flows[ends] = (*flows.get(ends, ()), child.get("id", ""))
        elif child.get("id") and child.getparent() is not None and _is_node(child):
            element = _element(child, process_id, messages, lanes)
            elements[element.id] = element
    return Process(process_id, node.get("name") or process_id, path, elements, flows)


def _is_node(node: etree._Element) -> bool:
    kind = etree.QName(node).localname
    return kind.endswith(("Task", "Event", "Gateway")) or kind in {"task", "callActivity", "subProcess"}


def _element(
    node: etree._Element, process: str, messages: Mapping[str | None, str | None], lanes: Mapping[str, str]
) -> Element:
    properties = {
        p.get("name", ""): p.get("value", "")
        for p in node.iterfind("bpmn:extensionElements/spiff:properties/spiff:property", NS)
    }
    parent = node.getparent()
    if parent is not None and parent.get("triggeredByEvent") == "true":
        properties["in_event_subprocess"] = parent.get("id", "")
    received = node.find("bpmn:messageEventDefinition", NS)
    timer = node.find("bpmn:timerEventDefinition/*", NS)
    role = properties.get("role") or _lane(node, lanes)
    return Element(
        id=node.get("id", ""),
        name=" ".join((node.get("name") or "").split()),
        kind=etree.QName(node).localname,
        process=process,
        properties=properties,
        guidance=(node.findtext("bpmn:extensionElements/spiff:instructionsForEndUser", "", NS) or "").strip(),
        role=role,
        message=messages.get(received.get("messageRef")) if received is not None else None,
        attached_to=node.get("attachedToRef"),
        timer=(timer.text or "").strip() if timer is not None else None,
    )


def _lane(node: etree._Element | None, lanes: Mapping[str, str]) -> str | None:
    while node is not None:
        if lanes.get(node.get("id", "")):
            return lanes[node.get("id", "")]
        node = node.getparent()
    return None
