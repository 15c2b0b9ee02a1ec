"""Checks in a process of their own: whatever becomes of it, the caller gets findings and goes on."""

import os
import sys
from pathlib import Path

import pytest

from conftest import MINI
from gate_models import diagram
from service.core import gate
from service.core.errors import DefinitionRefused
from service.runtime import check_room, checking
from service.runtime.bundles import read_folder
from service.runtime.checking import Limits, ask

SOUND = {"a.bpmn": diagram("start start", "task a", "end end", arrows="start>a a>end")}
BEGIN = "from service.core.gate.finding import Finding; from service.runtime.check_room import serve; import os, sys;"
GOOD = "[Finding(*'abc', 'warning', *'def')]"


def room(work):
    """A room whose check is ``work``, an expression over ``files``; its warm-up is let pass."""
    guarded = f"serve(lambda files: ({work}) if 'a.bpmn' in files else [], float(sys.argv[1]), int(sys.argv[2]))"
    return (sys.executable, "-P", "-c", f"{BEGIN} {guarded}")


def program(text):
    """A room that speaks as ``text`` does."""
    return (sys.executable, "-c", text)


def children():
    """The ids of this process's children, those already dead and not yet taken leave of included."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.fixture
def kept():
    rooms = {}
    yield rooms
    for each in rooms.values():
        each.close()


def one(found):
    (finding,) = found
    assert (finding.rule, finding.level) == ("not-checked", "error")
    assert finding.mend
    assert "Traceback" not in finding.message
    return finding.message


DEATHS = {
    "time asleep": (room("__import__('time').sleep(60)"), "longer than 0.5 seconds"),
    "time at work": (room("sum(iter(int, 1))"), "longer than 0.5 seconds"),
    "memory": (room("bytearray(10 ** 9)"), "more than 256 MB"),
    "exit": (room("os._exit(0)"), "without an answer"),
    "killed": (room("os.kill(os.getpid(), 9)"), "without an answer"),
    "a defect": (room("1 / 0"), "without an answer"),
    "a file opened": (room("open('/etc/hosts')"), "without an answer"),
    "a connection": (room("__import__('socket').socket()"), "without an answer"),
    "no finding": (room("[1]"), "without an answer"),
    "never ready": (program("print('Traceback')"), "without an answer"),
    "garbage": (program("print('{}', flush=True); input(); print(chr(0))"), "without an answer"),
    "another shape": (
        program('print("{}", flush=True); input(); print(\'{"findings": [{"file": 1}], "again": true}\')'),
        "without an answer",
    ),
    "no program": (("/nowhere",), "without an answer"),
    "too deep": (program("print('{}', flush=True); input(); print('[' * 100000)"), "without an answer"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold every limit")
@pytest.mark.parametrize("death", DEATHS)
def test_a_check_that_comes_to_no_end_is_one_finding_and_leaves_nothing_behind(death, kept):
    command, words = DEATHS[death]
    before = children()
    limits = Limits(0.5 if "time" in death else 10, 256)
    assert words in one(ask(SOUND, limits, kept, command))
    assert kept == {}
    assert children() == before


def test_a_room_is_kept_for_the_next_check_and_replaced_when_it_has_died(kept):
    command = room(GOOD)
    assert [f.file for f in ask(SOUND, Limits(), kept, command)] == ["a"]
    first = kept[os.getpid()]
    ask(SOUND, Limits(), kept, command)
    assert kept[os.getpid()] is first
    first.process.kill()
    first.process.wait()
    assert [f.rule for f in ask(SOUND, Limits(), kept, command)] == ["d"]
    assert kept[os.getpid()] is not first


def test_a_room_that_grew_is_not_used_again(kept):
    assert ask(SOUND, Limits(10, 256), kept, room(f"bytearray(150_000_000) and {GOOD}"))
    assert kept == {}


def test_another_process_after_a_fork_does_not_use_this_ones_room(kept):
    ask(SOUND, Limits(), kept, room(GOOD))
    own = kept.pop(os.getpid())
    kept[-1] = own
    ask(SOUND, Limits(), kept, room(GOOD))
    assert kept[os.getpid()] is not own


def test_the_room_knows_no_secret(monkeypatch, kept):
    monkeypatch.setenv("CASEWORK_SECRET_KEY", "s" * 40)
    found = ask(SOUND, Limits(), kept, room("[Finding(' '.join(os.environ), *'bc', 'warning', *'def')]"))
    assert "CASEWORK" not in found[0].file


def test_a_check_apart_finds_what_the_gate_finds():
    deployment = read_folder(MINI)
    assert checking.check(deployment) == gate.check(deployment) == []
    for files in ({"a.bpmn": b"\xff\xfe<\x00"}, {"x.dmn": "<a/>", "y.bpmn": "\ud800"}, {}, SOUND):
        assert checking.check(files) == gate.check(files)


def test_the_room_reads_its_own_sample_without_an_error():
    assert [f for f in check_room.examine(check_room.SAMPLE) if f.level == "error"] == []


def test_a_diagram_the_engine_cannot_begin_is_told():
    broken = {**check_room.SAMPLE, "processes/b.bpmn": "<definitions"}
    found = list(check_room._begun(broken))
    assert [f.rule for f in found] == ["cannot-begin"]


def test_a_deployment_that_cannot_be_checked_is_refused_and_the_service_goes_on(service, monkeypatch):
    files = {**read_folder(MINI), "processes/second.json": "[]"}
    monkeypatch.setattr(checking, "ROOM", program("print('{}', flush=True); input()"))
    checking.close()
    with pytest.raises(DefinitionRefused) as refused:
        service.deployments.deploy(None, files, "second")
    assert [p.field for p in refused.value.problems] == [""]
    monkeypatch.undo()
    assert service.deployments.deploy(None, files, "second").version == 2
