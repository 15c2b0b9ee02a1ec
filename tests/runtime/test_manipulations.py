"""Whatever somebody does to a history is found, at its place: in the database, in an export, or by a kept checkpoint.

Each manipulation is one an administrator could do with the tables in hand. Those that leave a database which fits
itself – an older backup, a whole rewrite with the stolen signing key – only a checkpoint kept elsewhere can show, and
the tests say so: not without it, always with it.
"""

import json
import shutil
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from conftest import SteppedClock
from service.core import chain, replay
from service.runtime import sealing, verifying
from service.runtime.service import Service, join
from service.settings import Settings
from service.store import instances, people, queries
from service.store.transaction import reading
from story import COMPLETE, GRANT, begin, inhabit, key
from tampering import change, events_changed, seal_anew, sign_anew, tables

ANOTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def open_world(folder) -> Service:
    return join(Settings(data_folder=folder, secret_key="s" * 40), SteppedClock(), [].append)


def close(service: Service) -> None:
    service.store.writers.dispose()
    service.store.readers.dispose()


@pytest.fixture(scope="module")
def built(sqlite_template, tmp_path_factory):
    """Two cases, sealed in three turns, and the same database as it was after the second."""
    folder = tmp_path_factory.mktemp("world")
    shutil.copy(sqlite_template, folder / "cases.db")
    service = open_world(folder)
    clock = service.clock
    inhabit(service)
    with service.read() as db:
        ann, ben = people.actor(db, "ann", clock()), people.actor(db, "ben", clock())
    first, task = begin(service, lambda name: ann)
    service.handler.complete(ann, task, COMPLETE, key())
    assert sealing.turn(service) == 2
    second, task = begin(service, lambda name: ann)
    service.handler.complete(ann, task, COMPLETE, key())
    assert sealing.turn(service) == 2
    close(service)
    shutil.copy(folder / "cases.db", folder / "older.db")
    clock.to("2013-07-11T15:00")
    service.sweeper.sweep()
    with service.read() as db:
        waiting = [t for t in queries.tasks(db, ben, which="groups") if t.instance_id == first.instance_id]
    decide = next(t for t in waiting if t.element_id == "decide")
    service.handler.complete(ben, decide.id, GRANT, key())
    assert sealing.turn(service) == 3
    close(service)
    return folder, first, second


@dataclass
class World:
    """A copy to do anything to. ``a`` and ``b`` are the two cases, ``kept`` the checkpoint somebody holds."""

    service: Service
    a: str
    b: str
    code: str
    kept: str

    def case(self, code: str | None = None):
        return next(c for c in self.check().cases if c.code == (code or self.code))

    def check(self, *, witnessed: bool = False) -> verifying.Report:
        fresh = join(self.service.settings, self.service.clock, [].append)  # remembers no definition
        try:
            return verifying.database(fresh, [self.kept] if witnessed else [])
        finally:
            close(fresh)

    def log(self) -> str:
        return " ".join(f.text for f in self.check().log if not f.holds)


@pytest.fixture
def world(built, tmp_path):
    folder, first, second = built
    shutil.copytree(folder, tmp_path / "var")
    service = open_world(tmp_path / "var")
    newest = max((tmp_path / "var" / "checkpoints").glob("checkpoint-*.txt"))
    yield World(service, first.instance_id, second.instance_id, first.code, newest.read_text())
    close(service)


def test_an_honest_database_is_well(world):
    report = world.check(witnessed=True)
    assert report.wrong == 0
    assert [(c.verdict.kind, c.verdict.steps, c.records) for c in report.cases] == [("equal", 4, ()), ("equal", 3, ())]
    assert [f.text for f in report.log] == [
        "The log of reads holds 0 entries; each follows from the one before.",
        (
            "The log of 2 cases holds 7 steps; each is the step that was sealed, and the root is that of the newest "
            f"checkpoint, signed with the key {signer(world)}."
        ),
        "The log only added to your checkpoint of 7 steps: nothing before it was changed or removed since.",
    ]


def signer(world) -> str:
    text = (world.service.settings.checkpoints / "public-key.txt").read_text()
    return text.split("+")[1]


# --- a case: broken or differs, at its step ------------------------------------------------------------------------


def row_edited(w):
    change(w.service.store, 2, actor="eve")


def row_unreadable(w):
    change(w.service.store, 2, command="{")


def instant_unreadable(w):
    change(w.service.store, 3, at="yesterday")


def row_removed(w):
    with tables(w.service.store) as sql:
        sql("DELETE FROM step WHERE instance_id = ? AND seq = 2", w.a)


def rows_swapped(w):
    with tables(w.service.store) as sql:
        for old, new in ((2, 99), (3, 2), (99, 3)):
            sql("UPDATE step SET seq = ? WHERE instance_id = ? AND seq = ?", new, w.a, old)


def row_hashed_again(w):
    change(w.service.store, 2, actor="eve")
    with reading(w.service.store) as db:
        (kept,) = instances.steps_of(db, w.a)[1:2]
    with tables(w.service.store) as sql:
        sql("UPDATE step SET hash = ? WHERE instance_id = ? AND seq = 2", chain.seal(kept), w.a)


def tail_removed(w):
    with tables(w.service.store) as sql:
        sql("DELETE FROM step WHERE instance_id = ? AND seq = 4", w.a)


def rows_reordered(w):
    rows_swapped(w)
    seal_anew(w.service.store, w.a)


def cases_swapped(w):
    with tables(w.service.store) as sql:
        for old, new in ((w.a, "x"), (w.b, w.a), ("x", w.b)):
            sql("UPDATE step SET instance_id = ? WHERE instance_id = ?", new, old)


def definition_swapped(w):
    with tables(w.service.store) as sql:
        ((text,),) = sql("SELECT bundle FROM process_definition")
        sql("UPDATE process_definition SET bundle = ?", text.replace("received_on, 1)", "received_on, 2)"))


def definition_made_up(w):
    with tables(w.service.store) as sql:
        sql("UPDATE process_definition SET bundle = '{'")


def state_hash_changed(w):
    change(w.service.store, 3, state_hash="0" * 64)
    seal_anew(w.service.store, w.a)


def event_dropped(w):
    events_changed(w.service.store, 3, "ClockBreached")
    seal_anew(w.service.store, w.a)


def answer_changed(w):
    with tables(w.service.store) as sql:
        ((text,),) = sql("SELECT command FROM step WHERE instance_id = ? AND seq = 4", w.a)
        sql("UPDATE step SET command = ? WHERE instance_id = ? AND seq = 4", text.replace("grant", "refuse"), w.a)
    seal_anew(w.service.store, w.a)


def time_changed(w):
    with tables(w.service.store) as sql:
        for table in ("step", "record"):
            sql(f"UPDATE {table} SET at = ? WHERE instance_id = ? AND seq = 4", "2013-07-11 15:00:01.000000", w.a)
    seal_anew(w.service.store, w.a, 4)


def command_made_up(w):
    change(w.service.store, 4, command='{"type":"CompleteUserTask","task_id":[],"variables":[1]}')
    seal_anew(w.service.store, w.a)


def state_changed(w):
    with tables(w.service.store) as sql:
        sql("UPDATE process_instance SET state = replace(state, 'grant', 'refuse') WHERE id = ?", w.a)


def head_changed(w):
    with tables(w.service.store) as sql:
        sql("UPDATE process_instance SET head_hash = ? WHERE id = ?", "0" * 64, w.a)


@pytest.mark.parametrize(
    ("manipulate", "kind", "at"),
    [
        (row_edited, "broken", 2), (row_unreadable, "broken", 2), (instant_unreadable, "broken", 3),
        (row_removed, "broken", 2), (rows_swapped, "broken", 2), (row_hashed_again, "broken", 3),
        (tail_removed, "differs", 3), (rows_reordered, "differs", 2), (cases_swapped, "broken", 1),
        (definition_swapped, "differs", 1), (definition_made_up, "differs", 1), (state_hash_changed, "differs", 3),
        (event_dropped, "differs", 3), (answer_changed, "differs", 4), (command_made_up, "differs", 4),
        (time_changed, "differs", 4), (state_changed, "differs", 4), (head_changed, "differs", 4),
    ],
)  # fmt: skip
def test_a_changed_case_is_found_at_its_step(world, manipulate, kind, at):
    manipulate(world)
    verdict = world.case().verdict
    assert (verdict.kind, verdict.at_seq) == (kind, at), verdict.text
    assert world.check().wrong


# --- the case fits itself again: the log finds it ------------------------------------------------------------------


def actor_changed(w):
    with tables(w.service.store) as sql:
        sql("UPDATE step SET actor = 'eve' WHERE instance_id = ? AND seq = 2", w.a)
        sql("UPDATE record SET author = 'eve' WHERE instance_id = ? AND seq = 2", w.a)
    seal_anew(w.service.store, w.a, 2)


def leaf_hash_changed(w):
    with tables(w.service.store) as sql:
        sql('UPDATE leaf SET hash = ? WHERE "index" = 1', "ab" * 32)


def leaf_hash_no_hash(w):
    with tables(w.service.store) as sql:
        sql("UPDATE leaf SET hash = 'none' WHERE \"index\" = 1")


def leaves_renumbered(w):
    with tables(w.service.store) as sql:
        for old, new in ((1, 99), (2, 1), (99, 2)):
            sql('UPDATE leaf SET "index" = ? WHERE "index" = ?', new, old)


def leaf_removed(w):
    with tables(w.service.store) as sql:
        sql('DELETE FROM leaf WHERE "index" = 1')


def last_leaf_removed(w):
    with tables(w.service.store) as sql:
        sql('DELETE FROM leaf WHERE "index" = 6')


def newest_checkpoint_removed(w):
    with tables(w.service.store) as sql:
        sql("DELETE FROM checkpoint WHERE size = 7")


def checkpoint_filed_elsewhere(w):
    with tables(w.service.store) as sql:
        sql("UPDATE checkpoint SET size = 3 WHERE size = 4")


def signed_with_another_key(w):
    sign_anew(w.service, ANOTHER_KEY)


def of_another_log(w):
    sign_anew(w.service, name="another")


def leaves_made_to_fit(w):
    """Without the key: every leaf says what the changed steps say, and the checkpoints stay as they were."""
    actor_changed(w)
    with tables(w.service.store) as sql:
        sql("UPDATE leaf SET hash = (SELECT s.hash FROM step s WHERE s.instance_id = leaf.instance_id "
            "AND s.seq = leaf.seq)")  # fmt: skip


def case_removed(w):
    with tables(w.service.store) as sql:
        for table in ("step", "record"):
            sql(f"DELETE FROM {table} WHERE instance_id = ?", w.b)
        sql("DELETE FROM process_instance WHERE id = ?", w.b)


def tail_and_state_removed(w):
    """The last step gone, and the case put back as it stood before it."""
    with reading(w.service.store) as db:
        steps = instances.steps_of(db, w.a)[:3]
        definition = w.service.definitions.load(db, steps[0].definition)
    *_, (_, outcome) = replay.replay(lambda h: definition, steps)
    with tables(w.service.store) as sql:
        sql("DELETE FROM step WHERE instance_id = ? AND seq = 4", w.a)
        sql("DELETE FROM record WHERE instance_id = ? AND seq = 4", w.a)
        sql("UPDATE process_instance SET version = 3, head_hash = ?, state = ? WHERE id = ?",
            steps[-1].hash, outcome.state.decode(), w.a)  # fmt: skip


@pytest.mark.parametrize(
    ("manipulate", "says"),
    [
        (actor_changed, "Number 1 of the log, step 2 of {code}, is not the step that was sealed"),
        (leaf_hash_changed, "Number 1 of the log, step 2 of {code}, is not the step that was sealed"),
        (leaf_hash_no_hash, "Number 1 of the log, step 2 of {code}, is not the step that was sealed"),
        (leaves_renumbered, "The checkpoint of 2 steps does not fit: the log had another root then"),
        (leaf_removed, "The log is broken at number 1"),
        (last_leaf_removed, "The checkpoint of 7 steps does not fit: the log is shorter now"),
        (newest_checkpoint_removed, "The log holds 7 steps, but its newest checkpoint is of 4"),
        (checkpoint_filed_elsewhere, "The checkpoint of 3 steps is filed as another than the one that was signed"),
        (signed_with_another_key, "The checkpoint of 7 steps cannot be trusted: it is not signed with the key of"),
        (of_another_log, "cannot be trusted: it is of another log, “another”"),
        (leaves_made_to_fit, "The checkpoint of 7 steps does not fit: the log had another root then"),
        (case_removed, "step 1 of a case that is gone, was sealed and is gone"),
        (tail_and_state_removed, "step 4 of {code}, was sealed and is gone"),
    ],
)
def test_a_case_that_fits_itself_is_found_by_the_log(world, manipulate, says):
    manipulate(world)
    assert {c.verdict.kind for c in world.check().cases} == {"equal"}, "the cases themselves look well"
    assert says.format(code=world.code) in world.log()


# --- everything fits itself: only a checkpoint kept elsewhere finds it ---------------------------------------------


def older_backup(w):
    close(w.service)
    shutil.copy(w.service.settings.data_folder / "older.db", w.service.settings.data_folder / "cases.db")


def tail_removed_with_its_checkpoints(w):
    """Everything since the second turn is taken out of the tables, and the case put back as it stood before it."""
    with reading(w.service.store) as db:
        every = {i: instances.steps_of(db, i) for i in (w.a, w.b)}
        definition = w.service.definitions.load(db, every[w.a][0].definition)
    for instance_id, steps in every.items():
        *_, (last, outcome) = replay.replay(lambda h: definition, steps[:2])
        with tables(w.service.store) as sql:
            for table in ("step", "record", "leaf"):
                sql(f"DELETE FROM {table} WHERE instance_id = ? AND seq > 2", instance_id)
            sql("DELETE FROM checkpoint WHERE size > 4")
            sql("UPDATE process_instance SET version = 2, head_hash = ?, state = ? WHERE id = ?",
                last.hash, outcome.state.decode(), instance_id)  # fmt: skip


def rewritten_with_the_stolen_key(w):
    actor_changed(w)
    sign_anew(w.service)


@pytest.mark.parametrize(
    ("manipulate", "says"),
    [
        (older_backup, "The log is shorter than your checkpoint of 7 steps"),
        (tail_removed_with_its_checkpoints, "The log is shorter than your checkpoint of 7 steps"),
        (rewritten_with_the_stolen_key, "The log does not go on from your checkpoint of 7 steps"),
    ],
)
def test_only_a_kept_checkpoint_finds_what_fits_itself(world, manipulate, says):
    manipulate(world)
    assert world.check().wrong == 0, "without it, nothing can be seen: that is why it is kept elsewhere"
    report = world.check(witnessed=True)
    assert report.wrong == 1
    assert says in report.log[-1].text


# --- what people wrote ---------------------------------------------------------------------------------------------


def edited(sql, w):
    sql("UPDATE record SET answers = replace(answers, 'unsafe', 'safe')")


def salts_swapped(sql, w):
    ((one,), (other,)) = (sql("SELECT salt FROM record WHERE instance_id = ? AND seq = ?", w.a, n)[0] for n in (2, 4))
    sql("UPDATE record SET salt = ? WHERE instance_id = ? AND seq = 4", one, w.a)
    sql("UPDATE record SET salt = ? WHERE instance_id = ? AND seq = 2", other, w.a)


def made_readable_to_others(sql, w):
    sql("UPDATE record SET access = 'everybody' WHERE seq = 4")


def given_another_author(sql, w):
    sql("UPDATE record SET author = 'ann' WHERE seq = 4")


def hashed_again(sql, w):
    sql("UPDATE record SET hash = ? WHERE seq = 4", "0" * 64)


def no_json(sql, w):
    sql("UPDATE record SET answers = '{' WHERE seq = 4")


@pytest.mark.parametrize(
    ("manipulate", "says"),
    [
        (edited, "The record of step 4 is not what was written: it was changed in the database."),
        (salts_swapped, "The record of step 4 is not what was written: it was changed in the database."),
        (no_json, "The record of step 4 is not what was written: it was changed in the database."),
        (made_readable_to_others, "The record of step 4 is labelled otherwise than its form says"),
        (given_another_author, "The record of step 4 names another author"),
        (hashed_again, "The record of step 4 is not in the history"),
    ],
)
def test_a_changed_record_is_found(world, manipulate, says):
    with tables(world.service.store) as sql:
        manipulate(sql, world)
    case = world.case()
    assert case.verdict.kind == "equal"
    assert says in " ".join(f.text for f in case.records if not f.holds)


def test_an_erased_record_is_named_and_breaks_nothing(world):
    with tables(world.service.store) as sql:
        sql("DELETE FROM record WHERE instance_id = ? AND seq = 4", world.a)
    (said,) = world.case().records
    assert (said.holds, world.check().wrong) == (True, 0)
    assert said.text.startswith("What was written in step 4 is not kept")


# --- the report itself ---------------------------------------------------------------------------------------------


def test_many_findings_of_a_kind_are_counted(world):
    with tables(world.service.store) as sql:
        sql("UPDATE leaf SET hash = ?", "ab" * 32)
    texts = [f.text for f in world.check().log]
    assert sum("is not the step that was sealed" in t for t in texts) == 5
    assert "… and 2 more of this kind." in texts


def test_a_step_that_was_never_sealed_is_found(world):
    with tables(world.service.store) as sql:
        sql("UPDATE step SET at = '2013-05-01 00:00:00.000000' WHERE instance_id = ? AND seq = 3", world.b)
        sql("DELETE FROM leaf WHERE instance_id = ? AND seq = 3", world.b)
    assert "is older than the last seal and has no place in the log" in world.log()


def test_the_report_is_json_too(world):
    written = json.loads(json.dumps(world.check().written()))
    assert [c["verdict"] for c in written["cases"]] == ["equal", "equal"]
    assert all(f["holds"] for f in written["log"])
