"""What a case fills into the texts of its definition on a page: names of the case, and elements in its own words.

A case whose stored state cannot be read fills nothing in: the page itself says that it needs attention.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from service.core.definitions import Element, ProcessDefinition
from service.core.engine.memory import names_seen
from service.core.errors import StateDamaged
from service.core.placeholders import Telling, fill
from service.store import queries

PROSE = ("asks", "next", "takes", "example")
"""The properties of an element that people read, besides its guidance."""


def names(db: Connection, definition: ProcessDefinition, instance_id: str, item: str | None = None) -> dict[str, Any]:
    """The variables and clocks of a case as they stand, and the item something is about."""
    try:
        return names_seen(definition.specification.lists, queries.state(db, instance_id), item)
    except StateDamaged:
        return {}


def said(element: Element, telling: Telling) -> Element:
    """The element as a page shows it: its guidance and prose filled."""
    properties: Mapping[str, str] = {
        key: fill(value, telling) if key in PROSE else value for key, value in element.properties.items()
    }
    return replace(element, guidance=fill(element.guidance, telling), properties=properties)
