"""What a diagram could tie a worker up with: refused at the gate, and ended quickly when it runs all the same."""

import gc
import time
import tracemalloc

import pytest
from SpiffWorkflow.bpmn.exceptions import WorkflowTaskException

import gate_models as gm
from build import at
from measured import BYTES, SECONDS
from past_gate import begun, played, restored
from service.core import determinism, engine_limits, gate
from service.core.expressions import ExprError
from service.core.gate import cells, formulas, timers

ROUND = (
    "<bpmn:standardLoopCharacteristics{}><bpmn:loopCondition>{}</bpmn:loopCondition></bpmn:standardLoopCharacteristics>"
)
TIMES = (
    "<bpmn:multiInstanceLoopCharacteristics{}><bpmn:loopCardinality>{}</bpmn:loopCardinality>"
    "</bpmn:multiInstanceLoopCharacteristics>"
)


@pytest.fixture(autouse=True)
def _a_step():
    with determinism.seams("case", 1, at("2026-03-02T09:00")):
        yield


def line(place):
    return {"main.bpmn": gm.diagram("start start", "user wait", place, "end end",
                                    arrows="start>wait wait>place place>end")}  # fmt: skip


def scripted(text, repeated=""):
    return line(gm.node("script", "place", f"<bpmn:script>{text}</bpmn:script>{repeated}"))


def waits(kind, text):
    return line(gm.node("catch", "place", gm.timer(kind, text)))


def gateway(condition):
    which = gm.node("xor", "place", default="place_to_other")
    arrows = f"start>wait\nwait>place\nplace>end:{condition}\nplace>other"
    return {"main.bpmn": gm.diagram("start start", "user wait", which, "end end", "end other", arrows=arrows)}


def asks(cell):
    called = "<spiffworkflow:calledDecisionId>D1</spiffworkflow:calledDecisionId>"
    rule = gm.node("rule", "place", f"<bpmn:extensionElements>{called}</bpmn:extensionElements>")
    return line(rule) | {"table.dmn": gm.table(["n"], ["outcome"], (cell, '"a"'), ("", '"b"'))}


def calls_itself():
    start = gm.process("start start", "user wait", gm.node("call", "place", calledElement="again"), "end end",
                       arrows="start>wait wait>place place>end")  # fmt: skip
    again = gm.process("start begin", gm.node("call", "more", calledElement="again"), "end done", own="again",
                       arrows="begin>more more>done")  # fmt: skip
    return {"main.bpmn": gm.file(start, again)}


SET = {
    "while True": scripted("while True: pass"),
    "list doubling": scripted("x = [0]\n" + "x = x + x\n" * 60),
    "text doubling": scripted("x = 'a'\n" + "x = x + x\n" * 60),
    "a power": gateway("9**9**9 > 0"),
    "a text of ten thousand million": gateway("len('a' * 10**10) > 1"),
    "a text by a plain number": gateway("len('a' * 9999999999) > 1"),
    "a loop without end": scripted("x = 1", ROUND.format("", "True")),
    "ten million instances": scripted("x = 1", TIMES.format("", "10000000")),
    "ten million instances by a power": scripted("x = 1", TIMES.format("", "10**7")),
    "ten million instances in turn": scripted("x = 1", TIMES.format(' isSequential="true"', "10000000")),
    "fewer than no instances": scripted("x = 1", TIMES.format(' isSequential="true"', "-1")),
    "half an instance": scripted("x = 1", TIMES.format("", "2.5")),
    "instances by a text": scripted("x = 1", TIMES.format("", "'3'")),
    "True instances": scripted("x = 1", TIMES.format("", "n == 1")),
    "a year of ten figures": waits("Duration", '"P9999999999Y"'),
    "a cycle of years": waits("Cycle", '"R/P9999999999Y"'),
    "a cycle of no time": waits("Cycle", '"R99999999/PT0S"'),
    "a cycle without end": waits("Cycle", '"R/PT0S"'),
    "a text of marks": asks("?" * 20_000),
    "marks and quotes": asks("?'" * 999),
    "a cell of quotes": asks("'" * 1_999 + "?"),
    "a process that calls itself": calls_itself(),
    "figures of another script": waits("Duration", '"P\u0661D"'),
    "the end of time": waits("Date", "date(9999, 12, 31)"),
    "the beginning of time": waits("Date", "date(1, 1, 1)"),
}
# What a script makes of its own values, and what an answer is, is known only while it runs.
ONLY_KNOWN_WHILE_IT_RUNS = {"list doubling", "text doubling", "True instances"}
# One loop has ten milliseconds for each turn, and two hundred turns; a call has thirty processes to make.
MANY_TURNS = {"a loop without end": 20, "a process that calls itself": 20}


@pytest.mark.parametrize("name", sorted(SET.keys() - ONLY_KNOWN_WHILE_IT_RUNS))
def test_refused_at_the_gate(name):
    assert [f for f in gate.check(SET[name]) if f.level == "error"]


@pytest.mark.parametrize("how", ["fresh", "restored"])
@pytest.mark.parametrize("name", SET)
def test_ended_while_it_runs(name, how):
    best, peak = 60.0, 0
    for turn in range(4):
        case = begun(SET[name], n=1)
        case = restored(case) if how == "restored" else case
        gc.collect()
        gc.disable()
        if turn == 3:
            tracemalloc.start()
        before = time.process_time()
        try:
            with pytest.raises((WorkflowTaskException, ExprError)):
                played(case)
        finally:
            best = min(best, time.process_time() - before)
            if turn == 3:
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
            gc.enable()
        assert case.script_engine.environment.variables.keys() <= {"n", "x"}
    assert best < SECONDS * MANY_TURNS.get(name, 1)
    assert peak < BYTES


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_as_many_instances_as_the_gate_lets_in(count):
    assert engine_limits.instances(count) == count


@pytest.mark.parametrize("count", [-1, 1001, 2.0, "3", None, True, [1]])
def test_no_other_number_of_instances(count):
    with pytest.raises(ExprError):
        engine_limits.instances(count)


LONG = ["?" * 20_000, "1+" * 500_000 + "1", "(" * 500_000, "-" * 500_000 + "1", "'" * 100_001, "9" * 500_000]


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:8])
@pytest.mark.parametrize("read", [formulas.problem, formulas.constant, formulas.reads, cells.read, formulas.hint])
def test_a_long_text_is_not_read_at_the_gate(text, read):
    begin = time.process_time()
    read(text)
    assert time.process_time() - begin < SECONDS


@pytest.mark.parametrize("text", ['"P9999999999Y"', '"R/P9999999999Y"', '"R99999999/PT0S"', '"P' + "9" * 1_900 + 'D"'])
def test_a_timer_is_refused_at_once(text):
    begin = time.process_time()
    for kind in ("timeDuration", "timeCycle", "timeDate"):
        assert any(level == "error" for level, *_ in timers._told(kind, text, {}))
    assert time.process_time() - begin < SECONDS
