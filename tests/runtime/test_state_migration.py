"""Stored states are sealed or converted by two people, told in the history, and never at the cost of another case."""

import gzip
import json

import pytest
from alembic import command
from click.testing import CliRunner
from sqlalchemy import insert, select, update

from golden_cases import GOLDEN
from service import cli
from service.cli import console
from service.core import chain, values
from service.core.engine import state_form
from service.core.errors import NotAllowed, StateDamaged
from service.runtime import history, state_keys, state_migration
from service.runtime.state_migration import StateMigration
from service.settings import SettingsRefused
from service.store import instances, queries, schema
from service.store.tables import account, membership, process_definition, process_instance, state_kept, step
from service.store.transaction import state_keys as keys_of
from service.store.transaction import transaction
from story import COMPLETE, GRANT, begin, key
from tampering import tables

NEVER = {"state_form": None, "state_key": None, "state_mac": None}


@pytest.fixture
def work(service) -> StateMigration:
    with transaction(service.store) as db:
        row = {"id": "olaf", "email": "olaf@example.invalid", "name": "Olaf", "password_hash": "x", "practice": False}
        db.execute(insert(account).values(**row))
        db.execute(insert(membership).values(
            id="olaf-owner", account_id="olaf", partnership_id="p", role="operator", granted_by="x", reason="x",
            from_at=service.clock(),
        ))  # fmt: skip
    return StateMigration(service.store, service.clock, service.definitions)


@pytest.fixture
def two(work):
    return work.operators("opa@example.invalid", "olaf@example.invalid")


def unseal(service, *ids) -> None:
    with transaction(service.store) as db:
        db.execute(update(process_instance).where(process_instance.c.id.in_(ids)).values(**NEVER))


def cases(service, who, count: int = 3):
    return [begin(service, who) for _ in range(count)]


def verdict(service, instance_id):
    with service.read() as db:
        steps, state = instances.steps_of(db, instance_id), queries.state(db, instance_id)
    return steps, history.verdict(service.definitions.get, steps, state)


def test_an_unsealed_case_is_refused_until_two_people_have_it_sealed(service, who, work, two):
    ((done, task),) = cases(service, who, 1)
    unseal(service, done.instance_id)
    with pytest.raises(StateDamaged, match="service migrate-state"):
        service.handler.complete(who("ann"), task, COMPLETE, key())
    with pytest.raises(SettingsRefused, match="migrate-state"):
        state_keys.require_fitting(service.store)
    assert [f.what for f in work.plan()] == ["seal"]
    with pytest.raises(StateDamaged):
        service.handler.complete(who("ann"), task, COMPLETE, key())
    assert work.bring_over(done.code, *two).what == "seal"
    service.handler.complete(who("ann"), task, COMPLETE, key())
    steps, found = verdict(service, done.instance_id)
    assert (found.kind, [s.command["type"] for s in steps]) == (
        "equal", ["StartInstance", "MigrateState", "CompleteUserTask"],
    )  # fmt: skip
    assert (steps[1].actor, steps[1].command["approved_by"]) == ("opa", "olaf")
    assert steps[1].command["from_hash"] == steps[0].state_hash == steps[1].state_hash
    assert [f.what for f in work.plan()] == ["fine"]


def test_an_ended_case_stays_ended(service, who, work, two):
    done, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    with service.read() as db:
        (decide,) = queries.tasks(db, who("ben"), which="groups")
    service.handler.complete(who("ben"), decide.id, GRANT, key())
    unseal(service, done.instance_id)
    assert work.bring_over(done.code, *two).what == "seal"
    with service.read() as db:
        case = queries.case(db, who("ann"), done.code)
        assert (case.status, case.outcome_name) == ("ended", "Granted")
    assert verdict(service, done.instance_id)[1].kind == "equal"


def put(service, name: str, engine: str, seq: int) -> str:
    """A case as an older engine left it after step ``seq``, sealed by the release that used it; its id."""
    found = json.loads((GOLDEN / "states" / engine / f"{name}.json").read_text(encoding="utf-8"))
    state, at = found["states"][str(seq)], service.clock()
    files = gzip.decompress((GOLDEN / "definitions" / f"{found['definition']}.json.gz").read_bytes()).decode()
    with transaction(service.store) as db:
        if db.execute(select(process_definition.c.hash).filter_by(hash=found["definition"])).one_or_none() is None:
            db.execute(insert(process_definition).values(
                hash=found["definition"], key="old", version=90, bundle=files, note="", deployed_by="x", deployed_at=at
            ))  # fmt: skip
        held = instances.add(db, instance_id=found["steps"][0]["instance_id"], code="OLD-1", at=at,
                             definition_hash=found["definition"], partnerships=frozenset({"p"}))  # fmt: skip
        for written in found["steps"][:seq]:
            taken = chain.Step(**{**written, "at": values.decode({"$instant": written["at"]}),
                                  "events": tuple(written["events"]), "hash": ""})  # fmt: skip
            instances.append(db, taken)
        last = found["steps"][seq - 1]
        db.execute(update(process_instance).where(process_instance.c.id == held.id).values(
            version=seq, state=state, head_hash=last["hash"], state_form=found["form"]))  # fmt: skip
        row = db.execute(select(process_instance).where(process_instance.c.id == held.id)).one()
        seal = keys_of(db).seal(instances.stored(row))
        db.execute(update(process_instance).where(process_instance.c.id == held.id).values(
            state_key=seal.key_id, state_mac=seal.mac))  # fmt: skip
    return held.id


@pytest.mark.parametrize("engine", ["engine-3.0.0", "engine-3.1.0"])
def test_an_older_form_is_converted_and_its_bytes_are_kept(service, who, work, two, engine):
    instance_id = put(service, "breached", engine, 3)
    with service.read() as db, pytest.raises(StateDamaged, match="migrate-state"):
        queries.state(db, instance_id)
    old = queries_state_as_stored(service, instance_id)
    (planned,) = work.plan()
    assert planned.what == "convert"
    assert work.bring_over("OLD-1", *two).what == "convert"
    with service.read() as db:
        kept = db.execute(select(state_kept)).one()
        steps = instances.steps_of(db, instance_id)
        new = queries.state(db, instance_id)
    assert (kept.state.encode(), kept.sha256, kept.seq) == (old, values.sha256(old), 3)
    assert chain.verify(steps) == 4
    told = steps[3].events[0]
    hashes = values.sha256(old), values.sha256(new)
    assert (told["type"], told["from_hash"], told["to_hash"]) == ("StateMigrated", *hashes)
    assert (new != old) == (engine == "engine-3.0.0"), "1.4 spelt this case as today's form does"
    with service.read() as db:
        row = db.execute(select(process_instance.c.state_form).where(process_instance.c.id == instance_id)).scalar_one()
    assert row == str(state_form.CURRENT)


def queries_state_as_stored(service, instance_id) -> bytes:
    with service.read() as db:
        return queries.state_as_stored(db, instance_id)


def test_what_cannot_be_brought_over_is_named_and_the_others_go_on(service, who, work, two):
    (bad, _), (torn, _), (old, _), (fine, _) = cases(service, who, 4)
    unseal(service, bad.instance_id, torn.instance_id, old.instance_id, fine.instance_id)
    with transaction(service.store) as db:
        db.execute(update(process_instance).where(process_instance.c.id == bad.instance_id).values(state="{}"))
        row = db.execute(select(process_instance).where(process_instance.c.id == old.instance_id)).one()
        seal = keys_of(db).seal(instances.stored(row, "1/1.1/1.2.0"))
        db.execute(update(process_instance).where(process_instance.c.id == old.instance_id).values(
            state_form="1/1.1/1.2.0", state_key=seal.key_id, state_mac=seal.mac))  # fmt: skip
    with tables(service.store) as sql:
        sql("UPDATE step SET actor = ? WHERE instance_id = ?", "somebody", torn.instance_id)
    found = {f.code: f for code in work.codes() for f in [work.bring_over(code, *two)]}
    assert [found[c.code].what for c in (bad, torn, old, fine)] == ["refused", "refused", "refused", "seal"]
    assert "broken" in found[torn.code].text
    assert "never read" in found[old.code].text
    with service.read() as db:
        counts = [db.execute(select(step.c.seq).where(step.c.instance_id == c.instance_id)).all()
                  for c in (bad, torn, old, fine)]  # fmt: skip
    assert [len(c) for c in counts] == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("by", "approved_by"),
    [("opa", "opa"), ("opa", "ann"), ("ann", "opa"), ("opa", "nobody"), ("nobody", "olaf")],
)
def test_two_different_people_who_look_after_the_service_are_needed(work, by, approved_by):
    with pytest.raises(NotAllowed):
        work.operators(f"{by}@example.invalid", f"{approved_by}@example.invalid")


def test_an_account_in_capitals_is_the_same_person(work):
    with pytest.raises(NotAllowed, match="Two different people"):
        work.operators("opa@example.invalid", "OPA@example.invalid")


def back_to_the_first_release(service) -> None:
    with transaction(service.store) as db:
        command.downgrade(schema.config(db), "0001")


def test_an_embedded_database_of_the_first_release_is_sealed_once_when_it_is_migrated(service, who):
    (done, task), (bad, _) = cases(service, who, 2)
    with transaction(service.store) as db:
        db.execute(update(process_instance).where(process_instance.c.id == bad.instance_id).values(state="{}"))
    back_to_the_first_release(service)
    embedded = service.store.embedded
    assert state_migration.bring_up_to_date(service.store) == (1 if embedded else 0)
    if not embedded:
        with pytest.raises(SettingsRefused, match="migrate-state"):
            state_keys.require_fitting(service.store)
        return
    assert state_keys.require_fitting(service.store) == 1
    service.handler.complete(who("ann"), task, COMPLETE, key())
    unseal(service, done.instance_id)
    assert state_migration.bring_up_to_date(service.store) == 0, "a seal taken away is never given again by itself"
    with service.read() as db, pytest.raises(StateDamaged, match="migrate-state"):
        queries.state(db, done.instance_id)


def run(service, monkeypatch, *arguments: str):
    monkeypatch.setattr(console, "create_service", lambda _settings: service)
    monkeypatch.setenv("CASEWORK_SECRET_KEY", "s" * 40)
    return CliRunner().invoke(cli.cli, ["migrate-state", *arguments], standalone_mode=False)


def test_the_command_says_what_it_would_do_then_does_it(service, who, work, monkeypatch, capsys):
    (done, _), (bad, _) = cases(service, who, 2)
    unseal(service, done.instance_id, bad.instance_id)
    with transaction(service.store) as db:
        db.execute(update(process_instance).where(process_instance.c.id == bad.instance_id).values(state="{}"))
    people = ["--by", "opa@example.invalid", "--approved-by", "olaf@example.invalid"]
    for arguments, says in (([], "Nothing was changed"), ([*people, "--yes"], "seal 1"), ([], "refused 1, fine 1")):
        result = run(service, monkeypatch, *arguments)
        assert isinstance(result.exception, SystemExit)
        assert result.exception.code == 1
        assert says in result.output + capsys.readouterr().out
    assert isinstance(run(service, monkeypatch, "--yes").exception, NotAllowed)
