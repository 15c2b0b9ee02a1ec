"""Registers of a case, read from its records: every row of a form, or of a list in it, as one reader may see it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Connection, select

from service.core import forms_filled, registers, values
from service.core.access import Actor, may_read
from service.core.definitions import ProcessDefinition
from service.core.engine.memory import names_seen
from service.core.registers import Declared, Register, Row, Source
from service.store import instances, people
from service.store.tables import account, process_instance, record, step, user_task

DefinitionOf = Callable[[str], ProcessDefinition]


def rows_of(
    db: Connection,
    definition_of: DefinitionOf,
    reader: Actor,
    instance_id: str,
    form: str,
    *,
    list_field: str | None = None,
    columns: Sequence[str] | None = None,
    latest: bool | None = None,
) -> Register:
    """All rows of ``form`` across the records of a case, oldest first, of those ``reader`` may read.

    What is not said here is as the form declares it in its ``register``; ``list_field`` names a list whose rows are
    the register's, ``latest`` leaves out records that a later one of the same task and item has taken the place of.
    ``definition_of`` gives the version a hash names. A form the case does not know gives an empty register.
    """
    definition = _definition(db, definition_of, instance_id)
    found = _records(db, instance_id, form)
    version = definition if form in definition.forms or not found else definition_of(found[-1].definition_hash)
    state = instances.state_of(db, instance_id)

    @cache
    def worded(version_hash: str, item: str | None) -> Mapping[str, Any]:
        """A form with the texts and the choices that this case gives it, for what is about ``item``."""
        names = names_seen(definition.specification.lists, state, item)
        return forms_filled.asked(definition_of(version_hash), form, names)

    schema = worded(version.hash, None)
    how = _how(registers.declared(schema) or Declared(), list_field, columns, latest=latest)
    items = _items(db, found)
    if how.latest:
        counts = registers.in_force({r.id: (r.element_id, items[r.id]) for r in found})
        found = [r for r in found if r.id in counts]
    here = people.as_in(db, reader, instance_id)
    mine = [r for r in found if r.author == reader.account_id or may_read(definition, here, r.access, r.agency)]
    asked = registers.columns_of(schema, how)
    keys = [column.key for column in asked]
    rows: list[Row] = []
    for r in mine:
        lists = definition_of(r.definition_hash).directories
        rows += registers.rows_of(worded(r.definition_hash, items[r.id]), how, _source(r, items), lists, keys)
    title = how.title or str(schema.get("title") or form)
    # How many others there are is told to those who see the whole case alone.
    return Register(title, asked, tuple(rows), len(found) - len(mine) if here.whole else 0)


def declared_in(
    db: Connection, definition: ProcessDefinition, reader: Actor, instance_id: str
) -> list[tuple[str, str]]:
    """The registers of a case that have something the reader may read: form and title, in the order of the titles."""
    wanted = select(record).where(record.c.instance_id == instance_id)
    here = people.as_in(db, reader, instance_id)
    readable = {
        row.form
        for row in db.execute(wanted)
        if row.author == reader.account_id or may_read(definition, here, row.access, row.agency)
    }
    found = ((key, registers.declared(form)) for key, form in definition.forms.items() if key in readable)
    return sorted(((key, how.title or key) for key, how in found if how is not None), key=lambda one: (one[1], one[0]))


def _definition(db: Connection, definition_of: DefinitionOf, instance_id: str) -> ProcessDefinition:
    wanted = select(process_instance.c.definition_hash).where(process_instance.c.id == instance_id)
    return definition_of(str(db.execute(wanted).scalar_one()))


def _records(db: Connection, instance_id: str, form: str) -> list[Any]:
    wanted = (
        select(record, account.c.name.label("author_name"), user_task.c.element_id, user_task.c.item)
        .join(account, account.c.id == record.c.author)
        .outerjoin(user_task, user_task.c.id == record.c.task_id)
        .where(record.c.instance_id == instance_id, record.c.form == form)
        .order_by(record.c.seq, record.c.id)
    )
    return list(db.execute(wanted))


def _how(said: Declared, list_field: str | None, columns: Sequence[str] | None, *, latest: bool | None) -> Declared:
    if list_field is not None and list_field != said.list_field:
        said = replace(said, list_field=list_field, columns=())  # the columns declared are another table's
    if columns is not None:
        said = replace(said, columns=tuple(columns))
    return said if latest is None else replace(said, latest=latest)


def _source(row: Any, items: Mapping[str, str | None]) -> Source:
    answers = values.decode(json.loads(row.answers))
    return Source(row.id, row.seq, row.at, row.author_name, row.agency, items[row.id], answers)


def _items(db: Connection, found: Sequence[Any]) -> dict[str, str | None]:
    """The item each record is about: its task's, or for a message the one its command names."""
    sent = {r.seq for r in found if r.task_id is None}
    of_case = found[0].instance_id if found else ""
    commands = db.execute(select(step.c.seq, step.c.command).where(step.c.instance_id == of_case, step.c.seq.in_(sent)))
    about = {row.seq: json.loads(row.command).get("item") for row in commands}
    return {r.id: r.item if r.task_id is not None else about.get(r.seq) for r in found}
