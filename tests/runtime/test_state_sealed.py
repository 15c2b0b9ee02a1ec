"""A changed state is never loaded: through the real doors, on both databases, and it becomes an incident."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from service.core import chain, values
from service.core.chain import Step
from service.core.engine.state_seal import CHANGED, Seal, StateKeys, Stored
from service.core.errors import StateDamaged
from service.runtime import state_keys, state_migration
from service.runtime.service import join
from service.settings import Settings, SettingsRefused
from service.store import instances, queries, tending
from service.store.tables import process_instance
from service.store.transaction import open_store, transaction
from story import COMPLETE, GRANT, begin, key
from tampering import tables

SAMPLES = 50


def change(service, instance_id, **columns) -> None:
    with transaction(service.store) as db:
        db.execute(update(process_instance).where(process_instance.c.id == instance_id).values(**columns))


def row_of(service, instance_id):
    with service.read() as db:
        return db.execute(select(process_instance).where(process_instance.c.id == instance_id)).one()


def refused(service, instance_id, says: str = "not the one that was written") -> None:
    """Refused under the lock, and on the way to a page; whatever the history says."""
    for door in (instances.hold, queries.state):
        with transaction(service.store) as db, pytest.raises(StateDamaged, match=says) as damaged:
            door(db, instance_id)
        assert damaged.value.instance_id == instance_id


def agree(service, instance_id, state: str) -> None:
    """Make the history say that its last step wrote ``state``, sealed anew as whoever owns the database could."""
    with service.read() as db:
        last = instances.steps_of(db, instance_id)[-1]
        false = replace(last, state_hash=values.sha256(state.encode()), hash="")
        false = Step(**{**{n: getattr(false, n) for n in Step.__slots__}, "hash": chain.seal(false)})
    with tables(service.store) as sql:
        this = "instance_id = ? AND seq = ?"
        hashes = (false.state_hash, false.hash)
        sql(f"UPDATE step SET state_hash = ?, hash = ? WHERE {this}", *hashes, instance_id, last.seq)
        sql("UPDATE process_instance SET state = ?, head_hash = ? WHERE id = ?", state, false.hash, instance_id)


def test_any_byte_of_a_stored_state_changed_is_refused(service, who):
    done, _ = begin(service, who)
    whole = row_of(service, done.instance_id).state
    for number in range(SAMPLES):
        place = number * len(whole) // SAMPLES
        other = whole[:place] + chr(ord(whole[place]) % 90 + 33 + (ord(whole[place]) == 33)) + whole[place + 1 :]
        assert other != whole
        with transaction(service.store) as db:
            db.execute(process_instance.update().values(state=other))
            with pytest.raises(StateDamaged):
                instances.hold(db, done.instance_id)
    change(service, done.instance_id, state=whole)
    with transaction(service.store) as db:
        assert instances.hold(db, done.instance_id).state.decode() == whole


@pytest.mark.parametrize("text", ["not json {", "[" * 50_000, "null"])
def test_it_is_refused_before_anything_parses_it(service, who, text):
    """What cannot be parsed is refused by its seal alone, even where the history was made to agree with it."""
    done, _ = begin(service, who)
    agree(service, done.instance_id, text)
    refused(service, done.instance_id)


def test_a_changed_state_with_a_history_rewritten_to_it_is_refused(service, who):
    done, task = begin(service, who)
    agree(service, done.instance_id, row_of(service, done.instance_id).state.replace("felling", "pruning"))
    refused(service, done.instance_id)
    with pytest.raises(StateDamaged):
        service.handler.complete(who("ann"), task, COMPLETE, key())


def test_the_state_of_another_case_is_refused(service, who):
    first, _ = begin(service, who)
    second, _ = begin(service, who)
    other = row_of(service, second.instance_id)
    seal = {"state_key": other.state_key, "state_mac": other.state_mac, "state_form": other.state_form}
    agree(service, first.instance_id, other.state)
    refused(service, first.instance_id)
    change(service, first.instance_id, **seal)
    refused(service, first.instance_id)


def test_an_earlier_state_of_the_same_case_is_refused(service, who):
    done, task = begin(service, who)
    before = row_of(service, done.instance_id)
    seal = {"state_key": before.state_key, "state_mac": before.state_mac}
    service.handler.complete(who("ann"), task, COMPLETE, key())
    change(service, done.instance_id, state=before.state)
    refused(service, done.instance_id)
    change(service, done.instance_id, **seal)
    refused(service, done.instance_id)
    change(service, done.instance_id, version=before.version)
    refused(service, done.instance_id)
    agree(service, done.instance_id, before.state)
    refused(service, done.instance_id)


def test_another_definition_or_history_or_form_under_a_state_is_refused(service, who):
    done, _ = begin(service, who)
    whole = row_of(service, done.instance_id)
    with transaction(service.store) as db:  # no definition may be named that is not there: tried on the seal itself
        stored = instances.stored(whole)
        for other in ({"definition_hash": "0" * 64}, {"head_hash": chain.START}, {"form": "1/1.5/9.9"}):
            with pytest.raises(StateDamaged):
                state_key(db).check(replace(stored, **other), Seal(whole.state_key, whole.state_mac))
    change(service, done.instance_id, head_hash=chain.START)
    refused(service, done.instance_id)
    change(service, done.instance_id, head_hash=whole.head_hash, state_form="1/1.4/3.1.0")
    refused(service, done.instance_id)


def state_key(db) -> StateKeys:
    return db.get_execution_options()["state_keys"]


@pytest.mark.parametrize(
    ("form", "says"),
    [("1/1.4/3.1.0", "migrate-state"), ("1/1.2/2.0", "never read"), ("1/9.9/9", "newer release")],
)
def test_a_sealed_state_of_another_form_is_refused_with_what_to_do(service, who, form, says):
    done, _ = begin(service, who)
    whole = row_of(service, done.instance_id)
    with transaction(service.store) as db:
        seal = state_key(db).seal(instances.stored(whole, form))
    change(service, done.instance_id, state_form=form, state_mac=seal.mac)
    refused(service, done.instance_id, says)


def test_a_case_that_cannot_be_opened_is_an_incident_and_stops_no_other(service, who, clock):
    broken, first = begin(service, who)
    _, second = begin(service, who)
    for task in (first, second):
        service.handler.complete(who("ann"), task, COMPLETE, key())
    agree(service, broken.instance_id, row_of(service, broken.instance_id).state.replace("felling", "pruning"))
    clock.to("2013-07-01T09:00")
    assert service.sweeper.sweep() == 1
    with service.read() as db:
        (incident,) = tending.incidents(db, who("opa"))
    assert (incident.code, incident.message) == (broken.code, CHANGED)


def test_a_store_without_keys_opens_no_case(service, who, database_url):
    done, _ = begin(service, who)
    store = open_store(database_url)
    with transaction(store) as db, pytest.raises(RuntimeError, match="without the keys"):
        instances.hold(db, done.instance_id)
    store.writers.dispose()
    store.readers.dispose()


def with_keys(service, clock, state: str, previous: str = ""):
    settings = replace(service.settings, state_key=state, state_key_previous=previous)
    return join(settings, clock, lambda _: None)


def dispose(service) -> None:
    service.store.writers.dispose()
    service.store.readers.dispose()


def test_a_wrong_key_is_said_once_and_not_for_every_case(service, who, clock):
    for _ in range(3):
        begin(service, who)
    assert state_keys.require_fitting(service.store) == 0
    other = with_keys(service, clock, "x" * 40)
    with pytest.raises(SettingsRefused, match="none of its 3 cases was sealed with it"):
        state_keys.require_fitting(other.store)
    fresh, _ = begin(other, who)
    assert state_keys.require_fitting(other.store) == 3
    refused(service, fresh.instance_id, "CASEWORK_STATE_KEY_PREVIOUS")
    dispose(other)


def test_a_key_can_be_changed_without_losing_a_case(service, who, clock):
    """The secret key it was worked out from, then a key of its own; by the next step or by ``service migrate``."""
    moved, task = begin(service, who)
    rests, _ = begin(service, who)
    damaged, _ = begin(service, who)
    change(service, damaged.instance_id, state="{}")
    both = with_keys(service, clock, "n" * 40, service.settings.secret_key)
    assert state_keys.require_fitting(both.store) == 0
    both.handler.complete(who("ann"), task, COMPLETE, key())
    assert row_of(service, moved.instance_id).state_key != row_of(service, rests.instance_id).state_key
    state_migration.bring_up_to_date(both.store)
    alone = with_keys(service, clock, "n" * 40)
    for done in (moved, rests):
        with transaction(alone.store) as db:
            instances.hold(db, done.instance_id)
    refused(alone, damaged.instance_id, "KEY_PREVIOUS")
    for other in (both, alone):
        dispose(other)


def test_the_key_is_never_the_text_it_is_worked_out_from():
    keys = state_keys.keys_of(Settings(secret_key="s" * 40))
    assert keys == state_keys.keys_of(Settings(state_key="s" * 40, secret_key="t" * 40))
    assert keys.current != b"s" * 40
    assert b"ss" not in keys.seal(Stored("i", 1, "d", "h", "f", b"")).mac.encode()
    with pytest.raises(SettingsRefused, match="at least 32"):
        state_keys.keys_of(Settings(secret_key="short"))


def test_practice_keeps_its_key_in_its_folder(tmp_path):
    practice = Settings(practice=True, data_folder=tmp_path)
    assert state_keys.keys_of(practice) == state_keys.keys_of(practice)
    assert state_keys.keys_of(practice) != state_keys.keys_of(replace(practice, data_folder=tmp_path / "other"))


def test_a_granted_case_is_still_shown_and_sealed(service, who):
    _, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    with service.read() as db:
        (decide,) = queries.tasks(db, who("ben"), which="groups")
    ended = service.handler.complete(who("ben"), decide.id, GRANT, key())
    with service.read() as db:
        assert queries.state(db, ended.instance_id) == queries.state_as_stored(db, ended.instance_id)
