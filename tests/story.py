"""The small definition's people, and the beginning of a case on it, told once."""

from uuid import uuid4

from sqlalchemy import insert

from build import MINI
from service.runtime.bundles import read_folder
from service.store.tables import account, membership, partnership
from service.store.transaction import transaction

PEOPLE = {
    "ann": ["clerk"], "ben": ["officer"], "bea": ["officer"], "una": ["process_owner"], "aud": ["auditor"],
    "opa": ["operator"], "wat": ["watcher"],
}  # fmt: skip
APPLICATION = {"address": "1 Oak Road", "work": "felling", "received_on": "2013-05-29"}
COMPLETE = {"complete": "yes", "notes": "All there."}
GRANT = {"decision": "grant", "reasons": "The tree is unsafe."}


def key() -> str:
    return uuid4().hex


def begin(service, who):
    done = service.handler.start(who("ann"), "application_received", APPLICATION, key())
    return done, done.opened[0]


def inhabit(service) -> None:
    """Put people of each role into a database, and deploy the small definition."""
    with transaction(service.store) as db:
        at = service.clock()
        db.execute(insert(partnership).values(id="p", name="Partnership"))
        for name, roles in PEOPLE.items():
            row = {"id": name, "email": f"{name}@example.invalid", "name": name.title(), "password_hash": "x"}
            db.execute(insert(account).values(practice=False, **row))
            for role in roles:
                db.execute(insert(membership).values(
                    id=f"{name}-{role}", account_id=name, partnership_id="p", role=role, granted_by="x", reason="x",
                    from_at=at,
                ))  # fmt: skip
    service.deployments.deploy(None, read_folder(MINI), "first")
