"""Whether what people wrote is still what they wrote: each record against the step that holds its salted hash."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from service.core import chain, reasons
from service.core.chain import Step
from service.core.definitions import ProcessDefinition
from service.core.errors import Defect, Rejection
from service.core.evidence import Finding, amiss, well
from service.store.tables import record


def rows(db: Connection, instance_id: str) -> list[Mapping[str, Any]]:
    """The records of a case as plain mappings."""
    wanted = select(record).where(record.c.instance_id == instance_id).order_by(record.c.seq, record.c.id)
    return [dict(row) for row in db.execute(wanted).mappings()]


def examine(
    records: Sequence[Mapping[str, Any]], steps: Sequence[Step], definition_of: Callable[[str], ProcessDefinition]
) -> Iterator[Finding]:
    """What is wrong with the records of a case, and how many the history names that are not kept."""
    by_seq = {s.seq: s for s in steps}
    asked = {e["task_id"]: e for s in steps for e in s.events if e.get("type") == "UserTaskCreated"}
    for row in records:
        step = by_seq.get(row["seq"])
        problem = _problem(row, step, asked, definition_of)
        if problem:
            yield amiss(f"The record of step {row['seq']} {problem}")
    kept = {row["hash"] for row in records}
    gone = [s.seq for s in steps if s.command.get("record") and s.command["record"] not in kept]
    if gone:
        text = (
            f"What was written in {_numbered(gone)} is not kept: it was erased or removed. Its hash is in the history."
        )
        yield well(text)


def _numbered(seqs: Sequence[int]) -> str:
    listed = ", ".join(map(str, seqs))
    return f"step {listed}" if len(seqs) == 1 else f"steps {listed}"


def _problem(
    row: Mapping[str, Any],
    step: Step | None,
    asked: Mapping[str, Mapping[str, Any]],
    definition_of: Callable[[str], ProcessDefinition],
) -> str | None:
    if step is None or step.command.get("record") != row["hash"]:
        return "is not in the history: it was added or moved, or its hash was changed."
    try:
        hashed = chain.record_hash_as_kept(row["salt"], json.loads(row["answers"]))
    except (ValueError, TypeError, RecursionError):
        hashed = ""
    if hashed != row["hash"]:
        return "is not what was written: it was changed in the database."
    said = (row["author"], row["at"], row["definition_hash"], row["task_id"])
    if said != (step.actor, step.at, step.definition, step.command.get("task_id")):
        return "names another author, instant, definition or task than its step does."
    if not _labelled(row, step, asked, definition_of):
        return "is labelled otherwise than its form says: its form, title, class of access or agency was changed."
    return None


def _labelled(
    row: Mapping[str, Any],
    step: Step,
    asked: Mapping[str, Mapping[str, Any]],
    definition_of: Callable[[str], ProcessDefinition],
) -> bool:
    """Whether a record's form, title, access and agency are those its command, its task and its form lay down."""
    try:
        definition = definition_of(row["definition_hash"])
        task = asked.get(row["task_id"], {})
        asks = _form(definition, step, task)
    except (Rejection, Defect, ValueError):
        return True  # the definition itself is wrong, and the replay says so
    form = reasons.schema(definition.forms, asks)
    fits_task = not task or task["agency"] == row["agency"]
    says = (asks, form.get("title", asks), form.get("access", "case"))
    return fits_task and says == (row["form"], row["title"], row["access"])


def _form(definition: ProcessDefinition, step: Step, task: Mapping[str, Any]) -> str | None:
    """The form that a step's record answers: its message's or its task's; anything else is a reason."""
    if "message" in step.command:
        return definition.message_element(str(step.command["message"])).properties.get("form")
    return task.get("form") if step.command.get("type") == "CompleteUserTask" else reasons.FORM
