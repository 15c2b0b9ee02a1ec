"""What somebody is about to be shown is written down first: if that cannot be kept, nothing is shown."""

from collections.abc import Mapping

from service.core.access import Actor
from service.runtime.service import Service
from service.store import readlog
from service.store.transaction import transaction

NAMES_IT = ("record_id", "document_id", "task_id", "number", "form", "message", "reference", "process_id")
"""What of an address names the thing that is shown, the most telling first."""


def note(service: Service, reader: Actor, kind: str, named: Mapping[str, str]) -> None:
    """Write down that ``reader`` is shown something of ``kind``; ``named`` is what its address names."""
    shown = " ".join(named[name] for name in NAMES_IT if name in named)
    with transaction(service.store) as db:
        instance_id = readlog.instance_of(db, code=named.get("code"), task_id=named.get("task_id"))
        readlog.note(db, reader, service.clock(), kind=kind, instance_id=instance_id, object_id=shown)
