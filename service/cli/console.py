"""What every verb uses: the group they hang on, the console they speak to, and the service they work with."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
from rich.console import Console
from sqlalchemy import select

from service.app import create_service
from service.core.access import Actor
from service.core.errors import Rejection
from service.runtime import reading_only
from service.runtime.service import Service
from service.settings import Settings
from service.store import people, safety
from service.store.schema import require_current
from service.store.tables import process_instance

HOME = Path(__file__).resolve().parent.parent.parent
out = Console(soft_wrap=True, highlight=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Run the service, check definitions, and look after cases."""


def opened(settings: Settings, *, thorough: bool = False) -> Service:
    """The service over a database that is safe to use; what somebody should know of it is printed."""
    service = create_service(settings)
    for warning in safety.require_safe(service.store, thorough=thorough):
        out.print(warning, markup=False, style="yellow")
    return service


def with_service(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Hand a verb the service of the environment's settings as its first argument."""

    @wraps(verb)
    def with_it(**given: Any) -> Any:
        service = opened(Settings.from_env(os.environ))
        require_current(service.store)
        reading_only.look(service)
        return verb(service, **given)

    return with_it


def instance(service: Service, code: str) -> str:
    """The id of a case by its code. Raises ``Rejection``."""
    with service.read() as db:
        found = db.execute(select(process_instance.c.id).where(process_instance.c.code == code)).scalar_one_or_none()
    if found is None:
        raise Rejection(f"There is no case {code}.")
    return str(found)


def person(service: Service, email: str) -> Actor:
    """Who acts, by e-mail address: what is done is theirs in the history. Raises ``Rejection``."""
    with service.read() as db:
        found = people.account_by_email(db, email)
        actor = people.actor(db, found.id, service.now()) if found is not None else None
    if actor is None:
        raise Rejection(f"Nobody who may sign in has the e-mail address {email}.")
    return actor


def fresh_key() -> str:
    """An idempotency key for a request that is made once."""
    return uuid4().hex
