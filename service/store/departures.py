"""The departures of a case, for its documents."""

from sqlalchemy import Connection

from service.core.access import Actor
from service.core.definitions import ProcessDefinition
from service.core.documents.facts import Departure


def of_case(_db: Connection, _definition: ProcessDefinition, _reader: Actor, _instance_id: str) -> list[Departure]:
    """The departures of a case, in the order of their numbers."""
    return []
