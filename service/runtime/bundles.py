"""Definitions and histories as files: what a folder deploys, and what a case's history is carried away in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from service.core import values
from service.core.chain import Step
from service.core.definitions import ProcessDefinition, content_hash, definition_of
from service.core.errors import NotFound
from service.runtime.definitions import Definitions
from service.store import instances

KINDS = ("processes/*.bpmn", "processes/*.dmn", "processes/*.json", "processes/scenarios/*.yaml", "forms/*.json")
EXPORT_VERSION = 1


def read_folder(root: Path) -> dict[str, str]:
    """The files of a definition below ``root``, by path. Raises ``NotFound`` when there are none."""
    found = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for kind in KINDS
        for path in sorted(root.glob(kind))
    }
    if not found:
        raise NotFound(f"There are no processes or forms in {root}.")
    return found


def root_of(path: Path) -> Path:
    """The folder that holds ``processes/`` and ``forms/``, at or above ``path``. Raises ``NotFound``."""
    for folder in (path.resolve(), *path.resolve().parents):
        if (folder / "processes").is_dir():
            return folder
    raise NotFound(f"{path} is not inside a folder with processes/.")


def export(db: Connection, definitions: Definitions, instance_id: str, code: str) -> dict[str, Any]:
    """A case's history with the definitions it ran on: all that is needed to check it anywhere else.

    What people wrote is not in it, only its salted hashes.
    """
    steps = instances.steps_of(db, instance_id)
    return {
        "version": EXPORT_VERSION,
        "code": code,
        "steps": [_written(s) for s in steps],
        "definitions": {h: dict(definitions.load(db, h).files) for h in sorted({s.definition for s in steps})},
    }


def _written(step: Step) -> dict[str, Any]:
    return {name: getattr(step, name) for name in Step.__slots__ if name != "at"} | {"at": values.instant_text(step.at)}


def read_export(text: str) -> tuple[str, list[Step], Mapping[str, ProcessDefinition]]:
    """The code, the steps and the definitions of an export. Raises ``NotFound`` when the text is not one."""
    try:
        kept = json.loads(text)
        steps = [
            Step(**{**s, "at": values.decode({"$instant": s["at"]}), "events": tuple(s["events"])})
            for s in kept["steps"]
        ]
        files = dict(kept["definitions"])
    except (ValueError, KeyError, TypeError) as wrong:
        raise NotFound("This file is not the export of a case.") from wrong
    for named, content in files.items():
        if content_hash(content) != named:
            raise NotFound("The export holds another definition than its steps name.")
    return str(kept.get("code", "")), steps, {h: definition_of(f) for h, f in files.items()}
