"""A small definition that a case gets through quickly, with everything that can go wrong under load in it.

Three ways through: ``short`` is one task; ``round`` asks the same two questions of several bodies side by side, each
with a weekly reminder, and ends with a task that joins them; ``timed`` is a task with a chaser after five days that
leaves it alone and a deadline after fourteen that withdraws it.
"""

import json

from build import BEGIN, HEAD, each, end, flow, script, timer, user, when

BODIES = ("police", "health", "school", "council", "housing", "probation")
ROLES = [
    {"id": "clerk", "name": "Clerk", "description": "Begins and closes.", "scope": "partnership", "starts": ["begin"],
     "reads": ["case"]},
    {"id": "officer", "name": "Officer", "description": "Answers for a body.", "scope": "agency", "starts": [],
     "reads": ["case"]},
    {"id": "process_owner", "name": "Process owner", "description": "Changes the work.", "scope": "partnership",
     "starts": [], "reads": [], "edits_processes": True},
]  # fmt: skip


def _gateway(element: str, default: str) -> str:
    return f'<bpmn:exclusiveGateway id="{element}" name="Which way?" default="{default}"/>'


def _diagram(bodies: tuple[str, ...]) -> str:
    listed = ", ".join(f"{{&quot;id&quot;: &quot;{body}&quot;}}" for body in bodies)
    begin = BEGIN.replace(
        'name="Begin">',
        'name="Begin"><bpmn:extensionElements><spiffworkflow:properties>'
        '<spiffworkflow:property name="form" value="start"/><spiffworkflow:property name="role" value="clerk"/>'
        "</spiffworkflow:properties></bpmn:extensionElements>",
    )
    parts = (
        begin, _gateway("way", "way_check"), flow("begin", "way"),
        user("check", form="note"), end("short"), flow("way", "check", "short"),
        when("way", "bodies_known", 'kind == "round"'), script("bodies_known", f"bodies = [{listed}]"),
        user("answer", each("bodies", "body"), role="officer", agency="body.id", form="answer"),
        timer("nudge", "answer", "timeCycle", '"R3/P7D"'), end("nudged"), flow("nudge", "nudged"),
        user("close", form="note"), end("round"), flow("bodies_known", "answer", "close", "round"),
        when("way", "work", 'kind == "timed"'), user("work", form="note"),
        timer("chase", "work", "timeDuration", '"P5D"'), user("chased", form="note"), end("chasing_done"),
        flow("chase", "chased", "chasing_done"),
        timer("deadline", "work", "timeDuration", '"P14D"', interrupting=True), user("say_why", form="note"),
        end("lapsed"), flow("deadline", "say_why", "lapsed"), end("timed"), flow("work", "timed"),
    )  # fmt: skip
    return f'{HEAD}<bpmn:process id="main" isExecutable="true">{"".join(parts)}</bpmn:process></bpmn:definitions>'


def _form(key: str, *components: dict) -> str:
    return json.dumps({
        "type": "default", "schemaVersion": 18, "id": key, "version": 1, "title": key.title(), "access": "case",
        "components": list(components),
    })  # fmt: skip


def _text(key: str, **properties: str) -> dict:
    asked = {"type": "textfield", "key": key, "label": f"What is the {key}?", "validate": {"required": True}}
    return asked | ({"properties": properties} if properties else {})


def files(bodies: tuple[str, ...] = BODIES) -> dict[str, str]:
    """The definition as a deployment takes it, with ``bodies`` in its round."""
    deployment = {
        "key": "torture", "main": "main", "case_prefix": "T", "title": "Torture", "case_word": "case",
        "organisation": "Anytown Council", "colour": "#00594f",
    }  # fmt: skip
    kinds = [{"label": kind.title(), "value": kind} for kind in ("short", "round", "timed")]
    kind = {
        "type": "radio", "key": "kind", "label": "Which kind is it?", "values": kinds, "validate": {"required": True},
        "properties": {"variable": "kind"},
    }  # fmt: skip
    found = _text("narrative", variable="body.narrative"), _text("finding", variable="body.finding")
    return {
        "processes/main.bpmn": _diagram(bodies),
        "processes/roles.json": json.dumps(ROLES),
        "processes/agencies.json": json.dumps([{"id": b, "name": b.title(), "sector": "any"} for b in bodies]),
        "processes/deployment.json": json.dumps(deployment),
        "processes/clauses.json": "[]",
        "forms/start.json": _form("start", kind),
        "forms/note.json": _form("note", _text("note")),
        "forms/answer.json": _form("answer", *found),
    }
