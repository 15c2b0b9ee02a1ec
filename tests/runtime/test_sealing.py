"""Every committed step gets one place in the log, late ones later; checkpoints leave the house."""

import stat
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, select

from service.core import checkpoints
from service.core.errors import NothingToDo
from service.core.merkle import leaf_hash, tree_of
from service.runtime import sealing, signing, witnesses
from service.runtime.sealing import LogDamaged
from service.runtime.witnesses import OtherDatabase
from service.settings import SettingsRefused
from service.store import seals
from service.store.tables import step
from service.store.transaction import sole, transaction
from story import COMPLETE, begin, key
from tampering import tables

# What is about files, keys and letters is the same whatever database is used.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def seal(service, at_once=1000):
    return sealing.seal(service.store, service.clock, "casework", KEY, at_once)


def places(service):
    with service.read() as db:
        return list(seals.places(db))


def test_each_step_gets_a_place_and_the_checkpoint_its_root(service, who):
    done, task = begin(service, who)
    assert seal(service) == 1
    begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    assert seal(service) == 2
    found = places(service)
    assert [p.index for p in found] == [0, 1, 2]
    assert [p.seq for p in found if p.instance_id == done.instance_id] == [1, 2]
    assert all(p.hash == p.step_hash for p in found)
    with service.read() as db:
        kept = seals.checkpoints(db)
    tree = tree_of(leaf_hash(bytes.fromhex(p.hash)) for p in found)
    public = checkpoints.public_key("casework", KEY)
    assert [checkpoints.trusted(k.note, public) for k in kept] == [
        checkpoints.Checkpoint("casework", size, tree.root(size)) for size in (1, 3)
    ]


def test_nothing_new_means_no_new_checkpoint(service, who):
    begin(service, who)
    assert (seal(service), seal(service)) == (1, 0)
    with service.read() as db:
        assert len(seals.checkpoints(db)) == 1


def test_a_long_backlog_is_sealed_in_short_transactions(service, who):
    for _ in range(5):
        begin(service, who)
    assert seal(service, at_once=2) == 5
    with service.read() as db:
        assert [k.size for k in seals.checkpoints(db)] == [2, 4, 5]
    assert [p.index for p in places(service)] == [0, 1, 2, 3, 4]


def test_a_step_committed_late_is_numbered_later(service, who):
    if service.store.embedded:
        pytest.skip("SQLite's writers come one after another")
    first, _ = begin(service, who)
    seal(service)
    with service.store.writers.connect() as slow:
        row = slow.execute(select(step)).one()._mapping
        slow.execute(insert(step).values(**{**row, "seq": 2, "prev_hash": row["hash"], "hash": "ab" * 32}))
        other, _ = begin(service, who)
        assert seal(service) == 1
        slow.commit()
    assert seal(service) == 1
    assert [(p.instance_id, p.seq) for p in places(service)] == [
        (first.instance_id, 1), (other.instance_id, 1), (first.instance_id, 2)
    ]  # fmt: skip


def test_one_sealer_at_a_time(service, who):
    if service.store.embedded:
        pytest.skip("SQLite's writers come one after another")
    begin(service, who)
    with transaction(service.store) as db:
        assert sole(db, sealing.SEALING)
        assert seal(service) == 0
    assert seal(service) == 1


@ON_SQLITE
@pytest.mark.parametrize("column", ["frontier", "root", "note"])
def test_a_log_that_was_changed_is_not_signed_any_more(service, who, column):
    begin(service, who)
    seal(service)
    with tables(service.store) as sql:
        sql(f"UPDATE checkpoint SET {column} = ?", "ab" * 32)
    begin(service, who)
    with pytest.raises(LogDamaged):
        seal(service)


@ON_SQLITE
def test_a_turn_makes_the_key_once_and_hands_the_checkpoint_out(service, who):
    begin(service, who)
    assert sealing.turn(service) == 1
    made = service.settings.data_folder / "signing.key"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    before = made.read_bytes()
    begin(service, who)
    assert sealing.turn(service) == 1
    assert made.read_bytes() == before
    folder = service.settings.checkpoints
    public = signing.key_in(folder / "public-key.txt")
    assert [h.checkpoint.size for h in witnesses.held(folder, public)] == [2, 1]
    assert signing.public_half(service.settings) == public
    assert [p.name for p in folder.iterdir() if not p.name.endswith(".txt")] == []


@ON_SQLITE
def test_a_key_that_is_gone_is_not_made_again(service, who, caplog):
    begin(service, who)
    sealing.turn(service)
    (service.settings.data_folder / "signing.key").unlink()
    begin(service, who)
    assert sealing.turn(service) == 0
    assert "Put the key back" in caplog.text
    with pytest.raises(SettingsRefused):
        signing.signing_key(service.settings, fresh=False)


@ON_SQLITE
@pytest.mark.parametrize("text", ["no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused_in_words(service, text):
    with pytest.raises(SettingsRefused, match="is not an Ed25519 private key"):
        signing.signing_key(replace(service.settings, signing_key=text), fresh=True)


def with_mail(service, addresses="chair@example.invalid audit@example.invalid"):
    return replace(service, settings=replace(service.settings, checkpoint_mail=addresses))


@ON_SQLITE
def test_those_named_are_sent_one_checkpoint_a_day(service, who, clock, post):
    service = with_mail(service)
    for _ in range(2):
        begin(service, who)
        sealing.turn(service)
    assert [m["To"] for m in post.sent] == ["chair@example.invalid", "audit@example.invalid"]
    attached = next(post.sent[0].iter_attachments())
    public = signing.public_half(service.settings)
    assert checkpoints.trusted(attached.get_content().replace("\r\n", "\n"), public).size == 1
    clock.pass_by(days=1)
    sealing.turn(service)
    assert len(post.sent) == 4
    clock.pass_by(days=1)
    sealing.turn(service)
    assert len(post.sent) == 4, "nothing is new"


@ON_SQLITE
def test_a_letter_that_cannot_leave_is_sent_at_the_next_turn(service, who, post):
    service, post.fails = with_mail(service), True
    begin(service, who)
    sealing.turn(service)
    post.fails = False
    sealing.turn(service)
    assert len(post.sent) == 2


def older(service, size: int) -> None:
    """The database as a backup from when the log held ``size`` steps would have it."""
    with tables(service.store) as sql:
        gone = sql('SELECT instance_id, seq FROM leaf WHERE "index" >= ?', size)
        sql('DELETE FROM leaf WHERE "index" >= ?', size)
        sql("DELETE FROM checkpoint WHERE size > ?", size)
        for instance_id, seq in gone:
            sql("DELETE FROM step WHERE instance_id = ? AND seq = ?", instance_id, seq)


@pytest.fixture
def restored(service, who):
    for _ in range(3):
        begin(service, who)
        sealing.turn(service)
    witnesses.require_whole(service)
    older(service, 1)
    return service


def test_nothing_starts_over_an_older_backup(restored):
    with pytest.raises(OtherDatabase, match=r"3 steps were sealed; .* holds only 1\. It was restored"):
        witnesses.require_whole(restored)


@ON_SQLITE
def test_nothing_is_sealed_over_an_older_backup(restored, who, caplog):
    begin(restored, who)
    assert sealing.turn(restored) == 0
    assert len(places(restored)) == 1
    assert "accept-restore" in caplog.text


def test_nothing_starts_over_another_history(service, who):
    begin(service, who)
    sealing.turn(service)
    with tables(service.store) as sql:
        sql("UPDATE leaf SET hash = ?", "ab" * 32)
    with pytest.raises(OtherDatabase, match="holds other steps"):
        witnesses.require_whole(service)


@ON_SQLITE
def test_an_accepted_restore_is_on_record_and_work_goes_on(restored, who, post):
    restored = with_mail(restored)
    path = witnesses.accept_restore(restored, "The disk of 24 May\nfailed")
    statement = checkpoints.opened(path.read_text(), signing.public_half(restored.settings))
    assert statement.splitlines()[2] == "1"
    assert "The disk of 24 May failed" in statement
    assert [m["To"] for m in post.sent] == ["chair@example.invalid", "audit@example.invalid"]
    witnesses.require_whole(restored)
    begin(restored, who)
    assert sealing.turn(restored) == 1
    witnesses.require_whole(restored)
    assert len(list(restored.settings.checkpoints.glob("checkpoint-*.txt"))) == 4, "both of two steps are kept"
    with pytest.raises(NothingToDo):
        witnesses.accept_restore(restored, "again")


@ON_SQLITE
def test_a_statement_nobody_signed_accepts_nothing(restored):
    path = witnesses.accept_restore(restored, "reason")
    path.write_text(path.read_text().replace("reason", "reasons"))
    with pytest.raises(OtherDatabase):
        witnesses.require_whole(restored)


@ON_SQLITE
def test_a_file_that_is_no_checkpoint_is_passed_over(service, who):
    begin(service, who)
    sealing.turn(service)
    (service.settings.checkpoints / "checkpoint-999999999999-00000000.txt").write_text("casework\n9\n")
    (service.settings.checkpoints / "checkpoint-999999999998-00000000.txt").write_bytes(b"\xff")
    witnesses.require_whole(service)
