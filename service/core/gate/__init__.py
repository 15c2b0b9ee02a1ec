"""The gate: what a deployment must be like before it is let in, told place by place in plain words.

Promises: pure (texts in, findings out), answers on any input, never raises for what a file holds, fetches nothing.
An *error* refuses the deployment; a *warning* does not. What cannot be proved wrong is let through: a valid diagram is
never refused for being unusual, nor for what another editor keeps in it.
"""

from collections.abc import Callable, Iterator, Mapping

from service.core.gate import (
    choices,
    collaboration,
    constructs,
    decision_names,
    decisions,
    documents,
    endless,
    events,
    flows,
    forms,
    json_door,
    local_rules,
    loops,
    names,
    offers,
    people,
    placeholders,
    reading,
    references,
    resting,
    schema,
    scripts,
    sizes,
    soundness,
    structure,
    timers,
    trace,
    xml_door,
)
from service.core.gate.finding import Finding
from service.core.gate.model import Bundle, Scope, local, scopes_of
from service.core.gate.xml_door import BPMN, Document

__all__ = ["Finding", "check", "scopes"]

DIAGRAMS = (".bpmn", ".bpmn20.xml", ".bpmn.xml")
TABLES = (".dmn", ".dmn.xml")
ECHOES = {
    "unreachable", "dead-end", "no-way-out", "join-never-completes", "several-flows-out", "boundary-leads-nowhere",
}  # fmt: skip
RULES: tuple[Callable[[Bundle], Iterator[Finding]], ...] = (
    structure.findings, flows.findings, constructs.findings, events.findings, loops.findings,
    timers.findings, scripts.findings, references.findings, people.findings, collaboration.findings,
    forms.findings, local_rules.findings, resting.findings, offers.findings, soundness.findings, endless.findings,
    trace.findings,
)  # fmt: skip


def check(files: Mapping[str, str | bytes]) -> list[Finding]:
    """Return everything the gate finds in ``files`` (path to content), by file and line, errors before warnings.

    Looks at diagrams (``*.bpmn``), decision tables (``*.dmn``) and the JSON files of a deployment; others are passed.
    """
    bundle, found = _read(files)
    if not any(f.rule in {"too-many-elements", "too-crowded"} for f in found):
        found += _judge(bundle)
    if not any(f.level == "error" for f in found):
        found += reading.findings(bundle)
    found = [json_door.placed(f, files[f.file]) if f.file in bundle.json else f for f in found]
    told = set(_without_echoes(found))
    return sorted(told, key=lambda f: (f.file, f.level, f.line or 0, f.element or "", f.rule, f.message))


def _without_echoes(found: list[Finding]) -> list[Finding]:
    """Leave aside what only follows from two elements having one id: the one read last hides the other."""
    doubled = {f.file for f in found if f.rule in {"duplicate-id", "id-missing"}}
    return [f for f in found if f.file not in doubled or f.rule not in ECHOES]


def scopes(files: Mapping[str, str | bytes]) -> dict[str, Scope]:
    """Every level of the diagrams that are run, by the id of its process or sub-process."""
    return {scope.id: scope for scope in _read(files)[0].running}


def _judge(bundle: Bundle) -> list[Finding]:
    found = list(sizes.findings(bundle))
    if any(f.rule in {"too-many-elements", "too-deep"} for f in found):
        return found
    for rule in RULES:
        found += rule(bundle)
    found += decisions.findings(bundle, names.scripted(bundle))
    found += names.findings(bundle, decisions.outputs_of(bundle))
    found += decision_names.findings(bundle, decisions.outputs_of(bundle))
    found += documents.findings(bundle, decisions.outputs_of(bundle))
    found += placeholders.findings(bundle, decisions.outputs_of(bundle))
    found += choices.findings(bundle, decisions.outputs_of(bundle))
    return found


def _read(files: Mapping[str, str | bytes]) -> tuple[Bundle, list[Finding]]:
    found: list[Finding] = []
    diagrams: list[Document] = []
    tables: list[Document] = []
    for path in sorted(files):
        kind = _kind(path)
        if kind is None:
            continue
        document = xml_door.read(path, files[path])
        if isinstance(document, Finding):
            found.append(document)
        elif kind == "table" or (kind == "xml" and local(document.root) == "definitions" and not _is_bpmn(document)):
            tables.append(document)
        elif _is_bpmn(document):
            found += schema.findings(document)
            diagrams.append(document)
        elif kind == "diagram":
            found.append(_not_bpmn(document))
    parsed, broken = _json(files)
    scopes = tuple(s for d in diagrams for s in scopes_of(d))
    if not (diagrams or tables or parsed or found or broken):
        found.append(_nothing())
    return Bundle(tuple(diagrams), tuple(tables), scopes, parsed), found + broken


def _kind(path: str) -> str | None:
    name = path.lower()
    if name.endswith(DIAGRAMS):
        return "diagram"
    if name.endswith(TABLES):
        return "table"
    return "xml" if name.endswith(".xml") else None


def _is_bpmn(document: Document) -> bool:
    return document.root.tag == f"{{{BPMN}}}definitions"


def _not_bpmn(document: Document) -> Finding:
    message = f"This file is not a BPMN 2.0 diagram: it begins with “{local(document.root)}”."
    return Finding(document.path, 1, None, "error", "not-bpmn", message, "Export it as BPMN 2.0 from the editor.")


def _nothing() -> Finding:
    mend = "Send at least one diagram (a file ending in .bpmn)."
    return Finding("", None, None, "error", "nothing-sent", "There is nothing here to deploy.", mend)


def _json(files: Mapping[str, str | bytes]) -> tuple[dict[str, object], list[Finding]]:
    parsed: dict[str, object] = {}
    broken: list[Finding] = []
    for path in sorted(p for p in files if p.endswith(".json")):
        value, refused = json_door.read(path, files[path])
        if refused is None:
            parsed[path] = value
        else:
            broken.append(refused)
    return parsed, broken
