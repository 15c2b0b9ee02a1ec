"""Reading a scenario: YAML text to plain data in which every mapping knows the line it began on.

Times without a zone are London's; a bare date means the beginning of that day.
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from service.core.calendar import LONDON

LINE = "__line__"


class ScenarioUnreadable(Exception):
    """The text is not a scenario; ``line`` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.CSafeLoader):
    """Safe YAML, read by libyaml (stories are long), whose mappings remember their line."""


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[str, Any]:
    found = {str(k): v for k, v in SafeConstructor.construct_mapping(loader, node, deep=True).items()}
    found[LINE] = node.start_mark.line + 1
    return found


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read(text: str) -> dict[str, Any]:
    """Return a scenario. Raises ``ScenarioUnreadable``."""
    try:
        found = yaml.load(text, Loader=_Loader)  # a subclass of the safe loader # noqa: S506 # nosec B506
    except yaml.YAMLError as wrong:
        mark = getattr(wrong, "problem_mark", None)
        raise ScenarioUnreadable(mark.line + 1 if mark else 1, f"This is not YAML: {wrong}") from wrong
    if not isinstance(found, dict) or not {"start", "continues"} & set(found):
        raise ScenarioUnreadable(1, "A scenario needs a name, a start (or another story it continues) and steps.")
    if {"start", "continues"} <= set(found):
        raise ScenarioUnreadable(1, "A scenario either has a start or continues another; it cannot do both.")
    return found


def without_lines(value: Any) -> Any:
    """The same data without the line numbers: what a person would have typed into a form."""
    if isinstance(value, Mapping):
        return {k: without_lines(v) for k, v in value.items() if k != LINE}
    return [without_lines(v) for v in value] if isinstance(value, list) else value


def instant(value: object) -> datetime:
    """An instant of a scenario. Raises ``ValueError`` in plain words."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as wrong:
            raise ValueError(f"“{value}” is not a date and time like 2013-05-29T10:00") from wrong
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=LONDON)
    if isinstance(value, date):
        return datetime.combine(value, time(0, 0), LONDON)
    raise ValueError(f"“{value}” is not a date and time")
