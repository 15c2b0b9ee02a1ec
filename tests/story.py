"""The beginning of a case on the small definition, told once."""

from uuid import uuid4

APPLICATION = {"address": "1 Oak Road", "work": "felling", "received_on": "2013-05-29"}
COMPLETE = {"complete": "yes", "notes": "All there."}
GRANT = {"decision": "grant", "reasons": "The tree is unsafe."}


def key() -> str:
    return uuid4().hex


def begin(service, who):
    done = service.handler.start(who("ann"), "application_received", APPLICATION, key())
    return done, done.opened[0]
