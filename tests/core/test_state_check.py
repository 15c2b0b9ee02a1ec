"""A state that does not hold together is refused in words: no hang, no stumbling engine, no text of it run as code."""

import json
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer

from build import BEGIN, Played, a_definition, at, each, end, flow, user
from service.core import determinism, values
from service.core.commands import FireTimers
from service.core.engine import memory, state_conversion
from service.core.engine.state_form import Form
from service.core.engine.step import step
from service.core.errors import StateDamaged, StepFailed

INNER = f'<bpmn:subProcess id="within"><bpmn:startEvent id="ws"/>{user("deep")}{end("we")}{flow("ws", "deep", "we")}'
MODEL = a_definition(BEGIN, user("one"), f"{INNER}</bpmn:subProcess>", end(), flow("begin", "one", "within", "end"))


@pytest.fixture
def kept():
    case = Played(MODEL)
    case.start()
    case.complete("one", "2026-03-03T09:00", size=3)
    return json.loads(case.state)


def load(kept, model=MODEL):
    state = kept if isinstance(kept, bytes) else values.compact(kept).encode()
    model.specification.fresh()
    with determinism.seams("case", 9, at("2026-03-04T09:00")):
        return memory.load(model.specification, state)


def top(kept):
    return kept["workflow"]["tasks"]


def task(kept, name, level=None):
    return next(t for t in (level or top(kept)).values() if t["task_spec"] == name)


def below(kept):
    return next(iter(kept["workflow"]["subprocesses"].values()))


def a_cycle(kept):
    task(kept, "end")["children"].append(kept["workflow"]["root"])


def a_cycle_apart(kept):
    one, other = task(kept, "one"), task(kept, "end")
    top(kept)[one["parent"]]["children"].remove(one["id"])
    one["parent"], other["children"] = other["id"], [one["id"]]


def a_child_twice(kept):
    parent = top(kept)[task(kept, "one")["parent"]]
    parent["children"] *= 2


def another_parent(kept):
    task(kept, "end")["parent"] = task(kept, "one")["id"]


def a_lost_child(kept):
    top(kept).pop(task(kept, "end")["id"])


def another_task(kept):
    stray = "00000000-0000-0000-0000-0000000000ff"
    top(kept)[stray] = {**task(kept, "end"), "id": stray}


def a_sub_process_elsewhere(kept):
    levels = kept["workflow"]["subprocesses"]
    levels[task(kept, "one")["id"]] = levels.pop(next(iter(levels)))


def a_sub_process_of_nothing(kept):
    levels = kept["workflow"]["subprocesses"]
    levels["00000000-0000-0000-0000-0000000000ff"] = {**below(kept)}


DAMAGES = {
    "a cycle": a_cycle, "a cycle apart": a_cycle_apart, "a child twice": a_child_twice,
    "another parent": another_parent, "a lost child": a_lost_child, "another task": another_task,
    "elsewhere": a_sub_process_elsewhere, "of nothing": a_sub_process_of_nothing,
    "bits": lambda k: task(k, "end").update(state=3),
    "no bits": lambda k: task(k, "end").update(state=0),
    "a great state": lambda k: task(k, "end").update(state=2**40),
    "a true state": lambda k: task(k, "end").update(state=True),
    "a state of words": lambda k: task(k, "end").update(state="READY"),
    "an unknown element": lambda k: task(k, "end").update(task_spec="nonesuch"),
    "an element that is a list": lambda k: task(k, "end").update(task_spec=[]),
    "an element of another level": lambda k: task(k, "end").update(task_spec="deep"),
    "another id": lambda k: task(k, "end").update(id="00000000-0000-0000-0000-0000000000ff"),
    "no root": lambda k: k["workflow"].update(root="00000000-0000-0000-0000-0000000000ff"),
    "a root below": lambda k: k["workflow"].update(root=task(k, "one")["id"]),
    "a root that is a list": lambda k: k["workflow"].update(root=[]),
    "no tasks": lambda k: k["workflow"].update(tasks={}),
    "tasks in a list": lambda k: k["workflow"].update(tasks=[]),
    "another last task": lambda k: k["workflow"].update(last_task="x"),
    "an event ahead": lambda k: k["workflow"].update(bpmn_events=[{"typename": "BpmnEvent"}]),
    "a specification": lambda k: k["workflow"].update(spec={"typename": "BpmnProcessSpec"}),
    "a serializer": lambda k: k["workflow"].update(serializer_version="1.0"),
    "another kind": lambda k: k["workflow"].update(typename="BpmnSubWorkflow"),
    "another process": lambda k: below(k).update(spec="nonesuch"),
    "another caller": lambda k: below(k).update(parent_task_id="x"),
    "bits below": lambda k: next(iter(below(k)["tasks"].values())).update(state=24),
    "an unknown type": lambda k: task(k, "one")["data"].update(x={"typename": "x"}),
    "a type of the engine": lambda k: task(k, "one")["data"].update(x={"typename": "BpmnWorkflow"}),
    "an event as a value": lambda k: task(k, "one")["data"].update(x={"typename": "SignalEventDefinition"}),
    "a type inside": lambda k: task(k, "one")["internal_data"].update(x=[{"y": {"typename": "Task"}}]),
    "a type that is a list": lambda k: task(k, "one")["data"].update(x={"typename": []}),
    "a date that is none": lambda k: task(k, "one")["data"].update(x={"typename": "datetime", "value": "soon"}),
    "a great time": lambda k: task(k, "one")["data"].update(x={"typename": "timedelta", "days": 10**20, "seconds": 0}),
    "an id that is none": lambda k: task(k, "one")["data"].update(x={"typename": "UUID", "value": "x"}),
    "a type of the case": lambda k: k["workflow"]["data"].update(x={"typename": "x"}),
    "version 0": lambda k: k.update(version=0), "version 2": lambda k: k.update(version=2),
    "no version": lambda k: k.pop("version"), "version 1.0 of another": lambda k: k.update(serializer_version="1.0"),
    "no clocks": lambda k: k.pop("clocks"), "clocks in a list": lambda k: k.update(clocks=[1]),
    "a task that is none": lambda k: k.update(tasks={"x": [None, None, None]}),
    "no instant": lambda k: k.update(at="now"),
    "no flow": lambda k: k.update(workflow=None),
}  # fmt: skip


def test_the_state_is_whole_before_it_is_damaged(kept):
    load(kept)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_state_is_refused_in_words(kept, damage):
    damage(kept)
    with pytest.raises(StateDamaged, match="of this case"):
        load(kept)
    with pytest.raises(StateDamaged):
        step(MODEL, values.compact(kept).encode(), FireTimers(), instance_id="case", at=at("2026-04-01T09:00"), seq=3)


@pytest.mark.parametrize("text", [b"", b"{", b"null", b"7", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000, b"NaN"])
def test_what_is_no_state_at_all_is_refused(text):
    with pytest.raises(StateDamaged):
        load(text)


PAYLOAD = "__import__('pathlib').Path('{path}').touch()"


def of_version_1_0(path: Path) -> dict:
    """A state whose timer the engine's own migration would run as code."""
    timer = {"typename": "TimerEventDefinition", "name": "t", "label": "t", "dateTime": PAYLOAD.format(path=path)}
    spec = {"task_specs": {"t": {"typename": "IntermediateCatchEvent", "event_definition": timer}}}
    return {"serializer_version": "1.1", "spec": spec, "subprocess_specs": {}, "tasks": {}, "subprocesses": {}}


@pytest.mark.parametrize("where", ["alone", "as the flow", "beside the flow", "inside the flow"])
def test_no_state_reaches_the_migrations_that_run_text(kept, tmp_path, where):
    crafted = of_version_1_0(tmp_path / "ran")
    state = {
        "alone": crafted, "as the flow": {**kept, "workflow": crafted}, "beside the flow": {**kept, **crafted},
        "inside the flow": {**kept, "workflow": {**kept["workflow"], **crafted}},
    }[where]  # fmt: skip
    with pytest.raises(StateDamaged):
        load(state)
    for serializer in ("1.0", "1.1", "1.2", "9.9", ""):
        with pytest.raises(StateDamaged):
            state_conversion.convert(MODEL.specification, Form(1, serializer, "x"), values.compact(state).encode())
    assert not (tmp_path / "ran").exists()


def test_that_state_would_have_run_if_the_engine_had_been_asked(tmp_path):
    with suppress(Exception):
        BpmnWorkflowSerializer().deserialize_json(json.dumps(of_version_1_0(tmp_path / "ran")))
    assert (tmp_path / "ran").exists(), "the attack no longer works: mend it, or the test above means nothing"


def test_the_engines_oldest_reader_which_unpickles_is_imported_by_nobody():
    assert "SpiffWorkflow.serializer.dict" not in sys.modules


REPEATED = a_definition(
    BEGIN, user("answer", each("agencies", "agency")), user("read"), end(), flow("begin", "answer", "read", "end")
)
NAMED = {"typename": "datetime", "value": "2026-01-01", "self": 1}


def test_a_variable_that_looks_like_a_type_is_only_a_value():
    """The door refuses these names; should one come in another way, variables never meet the engine's reader."""
    case = Played(MODEL)
    case.start(found=NAMED, rows=[{"typename": "x"}, {"self": "y"}])
    case.complete("one", "2026-03-03T09:00")
    assert json.loads(case.state)["variables"]["found"] == NAMED
    case.complete("deep", "2026-03-04T09:00")
    assert case.outcome == "end"


def test_an_item_that_could_never_be_read_again_is_not_saved():
    case = Played(REPEATED)
    with pytest.raises(StepFailed, match="never be opened again"):
        case.start(agencies=[{"id": {"typename": "x"}}])
    assert case.state is None
    case.start(agencies=[{"self": "x", "id": "a"}])
    case.complete("answer", "2026-03-03T09:00", item="a")
