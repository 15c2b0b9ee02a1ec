"""The command line seals nothing and proves everything: export, verify, checkpoints, an older database."""

import json
import shutil
from dataclasses import replace

import pytest

from service import cli
from service.runtime import sealing, serving
from story import COMPLETE, begin, key
from tampering import change, tables

NO_CHECKPOINT = "it is not a checkpoint: a name, a size, a root, and a signature."
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def run(service, monkeypatch, capsys, tmp_path):
    """Run a verb as the shell would; return its exit code and what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASEWORK_DATABASE_URL", service.settings.url)
    monkeypatch.setenv("CASEWORK_DATA_FOLDER", str(service.settings.data_folder))
    monkeypatch.setenv("CASEWORK_SECRET_KEY", "s" * 40)

    def call(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["service", *map(str, words)])
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, " ".join((said.out + said.err).split())

    return call


@pytest.fixture
def sealed(service, who):
    done, task = begin(service, who)
    service.handler.complete(who("ann"), task, COMPLETE, key())
    sealing.turn(service)
    return done


def newest(service):
    return max(service.settings.checkpoints.glob("checkpoint-*.txt"))


def test_a_case_is_proved_far_from_the_database(service, sealed, run, monkeypatch):
    code, said = run("export", sealed.code, "case.json")
    assert code == 0
    assert newest(service).read_text().split("\n")[2] in said, "the checkpoint is printed on every export"
    for name in ("CASEWORK_DATABASE_URL", "CASEWORK_DATA_FOLDER", "CASEWORK_SECRET_KEY"):
        monkeypatch.delenv(name)
    public = service.settings.checkpoints / "public-key.txt"
    code, said = run("verify", "case.json", "--public-key", public, "--checkpoint", newest(service))
    assert (code, "1 equal, 0 not." in said) == (0, True), said
    assert "The log only added to your checkpoint of 2 steps" in said


def test_the_database_is_proved_against_a_checkpoint(service, sealed, run):
    code, said = run("verify", "--checkpoint", newest(service))
    assert code == 0, said
    assert f"{sealed.code}: The chain of 2 steps is intact" in said
    change(service.store, 2, actor="eve")
    code, said = run("verify", "--json")
    found = json.loads(said)
    assert (code, found["cases"][0]["verdict"], found["cases"][0]["at_step"]) == (1, "broken", 2)


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b"[" * 100_000, b'{"version":2}', b"null", b"7"])
def test_a_file_that_is_no_export_is_refused_in_a_sentence(run, tmp_path, content):
    (tmp_path / "it").write_bytes(content)
    code, said = run("verify", "it")
    assert (code, said) == (2, "This file is not the export of a case.")


def test_a_file_that_is_no_checkpoint_or_key_is_refused_in_a_sentence(service, sealed, run, tmp_path):
    (tmp_path / "it").write_bytes(b"\xff")
    assert run("verify", "--checkpoint", "it") == (2, NO_CHECKPOINT)
    assert run("verify", "--public-key", "it") == (2, "it is not a public key of a log.")


def test_a_checkpoint_saved_from_a_letter_is_read(service, sealed, run, tmp_path):
    (tmp_path / "it").write_bytes(newest(service).read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    assert run("verify", "--checkpoint", "it")[0] == 0


def test_an_older_database_does_not_start_until_that_is_accepted(service, sealed, run, who):
    kept = service.settings.data_folder / "backup.db"
    path = service.settings.url.removeprefix("sqlite:///")
    service.store.writers.dispose()
    service.store.readers.dispose()
    shutil.copy(path, kept)
    begin(service, who)
    sealing.turn(service)
    held = newest(service)
    service.store.writers.dispose()
    service.store.readers.dispose()
    shutil.copy(kept, path)
    for verb, ends in (("migrate", 0), ("worker", 2)):
        code, said = run(verb)
        assert code == ends
        assert "3 steps were sealed; the log of this database holds only 2. It was restored" in said
        assert ("Until then the service can only be read." in said) == (verb == "migrate")
    assert run("accept-restore")[0] == 2, "a reason must be given"
    assert run("accept-restore", "--reason", "The disk failed")[0] == 0
    assert run("migrate")[0] == 0
    code, said = run("verify", "--checkpoint", held)
    assert code == 1
    assert "The log is shorter than your checkpoint of 3 steps" in said
    assert "because: The disk failed" in said
    assert run("accept-restore", "--reason", "again")[0] == 2


def test_a_practice_site_begun_anew_says_so_and_goes_on(service, sealed, capsys):
    """Whoever throws the practice database away keeps the folder of checkpoints."""
    with tables(service.store) as sql:
        for table in ("leaf", "checkpoint"):
            sql(f"DELETE FROM {table}")
    assert not serving._whole(service, cli.out)
    assert "Until then the service can only be read." in capsys.readouterr().out
    practice = replace(service, settings=replace(service.settings, practice=True))
    assert serving._whole(practice, cli.out)
    assert "A practice site goes on" in capsys.readouterr().out
    assert serving._whole(service, cli.out)
