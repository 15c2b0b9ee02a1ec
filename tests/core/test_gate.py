"""The gate: for each rule one diagram it must stop and one, nearly the same, it must let through."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import MINI
from gate_models import diagram, event, file, node, process, properties, script, sub, table, timer
from measured import SECONDS_AT_THE_GATE
from service.core.gate import check

LINE = "start>a a>end"


def errors(files):
    found = check({"x.bpmn": files} if isinstance(files, str | bytes) else files)
    return {f.rule: f for f in found if f.level == "error"}


def warnings(files):
    found = check({"x.bpmn": files} if isinstance(files, str | bytes) else files)
    return {f.rule: f for f in found if f.level == "warning"}


def one(step, roots="", **more):
    """A line of start, one step called ``a``, end."""
    return diagram("start start", step, "end end", arrows=LINE, roots=roots, **more)


def waits(kind, text):
    """A line that waits for a timer."""
    return one(node("catch", "a", timer(kind, text)))


def again(text):
    """A line with a reminder beside it that comes again and again."""
    return bounded(timer("Cycle", text), "end e3", arrows="late>e3", cancelActivity="false")


def chooses(*arrows, default="", **more):
    gateway = node("xor", "g", **({"default": default} if default else {}))
    return diagram("start start", gateway, "end b", "end c", arrows="\n".join(["start>g", *arrows]), **more)


def tables(text):
    return {"t.dmn": text}


MESSAGE = '<bpmn:message id="m" name="asked"/>'
SIGNAL = '<bpmn:signal id="s" name="go"/>'
MULTI = "multiInstanceLoopCharacteristics"
TWO_WAYS = "start>split split>a split>b a>join b>join join>end"


def ways(split, join, **more):
    steps = [node("xor", "split", default="split_to_a") if split == "xor" else f"{split} split", f"{join} join"]
    arrows = "start>split\nsplit>a\nsplit>b:x == 1\na>join\nb>join\njoin>end" if split == "xor" else TWO_WAYS
    return diagram("start start", *steps, "task a", "task b", "end end", arrows=arrows, **more)


def repeated(inside, **attributes):
    extra = "".join(f' {k}="{v}"' for k, v in attributes.items())
    return one(node("user", "a", f"<bpmn:{MULTI}{extra}>{inside}</bpmn:{MULTI}>"))


def looped(**attributes):
    extra = "".join(f' {k}="{v}"' for k, v in attributes.items())
    return one(node("user", "a", f"<bpmn:standardLoopCharacteristics{extra}/>"))


def bounded(body, *steps, arrows="", roots="", **attributes):
    boundary = node("boundary", "late", body, attachedToRef="a", **attributes)
    return diagram("start start", "user a", "end end", boundary, *steps, arrows=f"{LINE} {arrows}", roots=roots)


def event_sub(**attributes):
    start = node("start", "s2", event("message", messageRef="m"), **attributes)
    inner = sub("extra", start, "end e2", arrows="s2>e2", triggeredByEvent="true")
    return diagram("start start", "user a", "end end", inner, arrows=LINE, roots=MESSAGE)


def in_lanes(*lanes):
    """A line with a note beside it; each lane lists what stands in it."""
    drawn = "".join(
        f'<bpmn:lane id="lane{n}">' + "".join(f"<bpmn:flowNodeRef>{step}</bpmn:flowNodeRef>" for step in steps)
        + "</bpmn:lane>" for n, steps in enumerate(lanes)
    )  # fmt: skip
    note = '<bpmn:dataObject id="note"/>'
    lane_set = f'<bpmn:laneSet id="set">{drawn}</bpmn:laneSet>'
    return diagram(lane_set, "start start", "task a", "end end", note, arrows=LINE)


LEFT_LATE = node("boundary", "late", timer("Duration", '"P1D"'), attachedToRef="a")
OTHER_MESSAGE = '<bpmn:message id="n" name="withdrawn"/>'
BESIDE = sub("extra", node("start", "s2", event("message", messageRef="m"), isInterrupting="false"), "end e2",
             arrows="s2>e2", triggeredByEvent="true")  # fmt: skip
LIST = "<bpmn:loopDataInputRef>agencies</bpmn:loopDataInputRef>"
ITEM = '<bpmn:inputDataItem id="agency" name="agency"/>'
CALL = node("call", "a", calledElement="other")
OTHER = process("start s2", "end e2", arrows="s2>e2", own="other")
ANY = ("-", '"x"')

# rule, what it must stop, what it must let through
PAIRS = {
    "doctype": (
        '<?xml version="1.0"?>\n<!-- x -->\n<!DOCTYPE a [<!ENTITY e "x">]>\n<a/>',
        one(node("task", "a", "<bpmn:documentation><![CDATA[<!DOCTYPE html>]]></bpmn:documentation>")),
    ),
    "encoding": (one("task a").encode("utf-16"), b"\xef\xbb\xbf" + one("task a").encode()),
    "too-large": (
        one(node("task", "a", f"<!--{'x' * 2_100_000}-->")), one(node("task", "a", f"<!--{'x' * 90_000}-->")),
    ),
    "too-crowded": (
        one(node("task", "a", "<bpmn:documentation/>" * 21_000)), one(node("task", "a", "<bpmn:documentation/>" * 9)),
    ),
    "not-xml": ("<bpmn:definitions", one("task a")),
    "not-bpmn": ("<html><body/></html>", one("task a")),
    "empty-file": ("  ", one("task a")),
    "schema": (one(node("task", "a", startQuantity="many")), one(node("task", "a", startQuantity="1"))),
    "duplicate-id": (
        diagram("start start", "user a", script("a", "x = 1"), "end end", arrows=LINE),
        one(node("task", "a", '<bpmn:extensionElements><camunda:x id="start"/></bpmn:extensionElements>')),
    ),
    "nothing-executable": (one("task a", executable="false"), one("task a", executable="true")),
    "no-process": (file("<bpmn:message id='m' name='m'/>"), one("task a")),
    "no-start": (diagram("task a", "end end", arrows="a>end"), one("task a")),
    "several-starts": (
        diagram("start s1", "start s2", "task a", "end end", arrows="s1>a s2>a a>end"),
        diagram("start s1", node("start", "s2", event("message", messageRef="m")), "task a", "end end",
                arrows="s1>a s2>a a>end", roots=MESSAGE),
    ),
    "no-end": (diagram("start start", "task a", arrows="start>a"), one("task a")),
    "flow-into-start": (diagram("start start", "xor a", "end end", arrows="start>a\na>end:x\na>start:not x"),
                        diagram("start start", "xor m", "user u", "xor a", "end end",
                                arrows="start>m\nm>u\nu>a\na>end:x\na>m:not x")),
    "flow-out-of-end": (
        diagram("start start", "end e", "task a", "end end", arrows="start>e e>a a>end"), one("task a"),
    ),
    "unreachable": (
        diagram("start start", "task a", "task lost", "end end", arrows="start>a a>end lost>end"),
        diagram("start start", "task a", "end end", arrows=LINE, roots="").replace(
            "</bpmn:process>", '<bpmn:dataObject id="do"/><bpmn:dataObjectReference id="dor" dataObjectRef="do"/>'
            '<bpmn:textAnnotation id="t"><bpmn:text>note</bpmn:text></bpmn:textAnnotation></bpmn:process>'),
    ),
    "dead-end": (
        diagram("start start", "xor g", "task a", "end end", arrows="start>g\ng>a:x\ng>end:not x"),
        diagram("start start", "xor g", "task a", "end end", arrows="start>g\ng>a:x\ng>end:not x\na>end"),
    ),
    "no-way-out": (
        diagram("start start", "xor g", "task a", "task b", "end end", arrows="start>g\ng>a:x\ng>end:not x\na>b\nb>a"),
        diagram("start start", "xor g", "task a", "end end", arrows="start>g\ng>a:x\ng>end:not x\na>g"),
    ),
    "flow-to-nothing": (diagram("start start", "task a", "end end", arrows="start>a a>end a>gone"), one("task a")),
    "flow-crosses-border": (
        diagram("start start", sub("a", "start s2", "task in", "end e2", arrows="s2>in in>e2"), "end end",
                arrows="start>a a>end in>end"),
        diagram("start start", sub("a", "start s2", "task in", "end e2", arrows="s2>in in>e2"), "end end",
                arrows="start>a a>end"),
    ),
    "sub-process-start": (
        one(sub("a", node("start", "s2", event("message", messageRef="m")), "end e2", arrows="s2>e2"), MESSAGE),
        one(sub("a", "start s2", "end e2", arrows="s2>e2")),
    ),
    "boundary-host": (
        diagram("start start", "xor a", node("boundary", "b", timer("Duration", '"P1D"'), attachedToRef="a"), "end end",
                arrows=f"{LINE} b>end"),
        bounded(timer("Duration", '"P1D"'), arrows="late>end"),
    ),
    "boundary-leads-nowhere": (
        bounded(timer("Duration", '"P1D"')), bounded(timer("Duration", '"P1D"'), "end e3", arrows="late>e3"),
    ),
    "condition-missing": (chooses("g>b", "g>c:x == 1"), chooses("g>b", "g>c:x == 1", default="g_to_b")),
    "default-missing": (chooses("g>b:x == 1", "g>c:x == 2"), chooses("g>b:x > 5", "g>c:x <= 5")),
    "default-elsewhere": (
        chooses("g>b:x", "g>c:not x", default="start_to_g"), chooses("g>b", "g>c:x", default="g_to_b"),
    ),
    "condition": (
        chooses("g>b", "g>c:${amount > 5}", default="g_to_b"),
        chooses("g>b", "g>c:amount > 5 and kind in (\"a\", 'b') or not done", default="g_to_b"),
    ),
    "condition-misplaced": (
        diagram("start start", "and g", "task a", "task b", "and j", "end end",
                arrows="start>g\ng>a:x == 1\ng>b\na>j\nb>j\nj>end"),
        ways("and", "and"),
    ),
    "several-flows-out": (
        diagram("start start", "task a", "end b", "end c", arrows="start>a a>b a>c"),
        diagram("start start", "task a", "and g", "end b", "end c", arrows="start>a a>g g>b g>c"),
    ),
    "event-gateway": (
        diagram("start start", "event g", "task a", node("catch", "t", timer("Duration", '"P1D"')), "end end",
                arrows="start>g g>a g>t a>end t>end"),
        diagram("start start", "event g", node("receive", "a", messageRef="m"),
                node("catch", "t", timer("Duration", '"P1D"')), "end end", arrows="start>g g>a g>t a>end t>end",
                roots=MESSAGE),
    ),
    "complex-gateway": (ways("and", "complex"), ways("and", "and")),
    "compensation": (
        bounded(event("compensate")), bounded(event("error"), "end e3", arrows="late>e3"),
    ),
    "link-event": (
        diagram("start start", node("throw", "t", event("link", name="x")), node("catch", "c", event("link", name="x")),
                "end end", arrows="start>t c>end"),
        diagram("start start", "throw t", "end end", arrows="start>t t>end"),
    ),
    "interrupting-event-sub-process": (event_sub(), event_sub(isInterrupting="false")),
    "ad-hoc": (one(sub("a", "task in", kind="adHocSubProcess")), one(sub("a", "start s2", "end e2", arrows="s2>e2"))),
    "global-task": (one("task a", '<bpmn:globalUserTask id="g"/>'), one("task a")),
    "token-quantity": (one(node("task", "a", completionQuantity="2")), one(node("task", "a", completionQuantity="1"))),
    "event-without-kind": (one("catch a"), one("throw a")),
    "event-kind": (
        one(node("catch", "a", event("error"))),
        one(node("catch", "a", event(
            "conditional", "<bpmn:condition xsi:type='bpmn:tFormalExpression'>x == 1</bpmn:condition>"))),
    ),
    "message-missing": (
        one(node("catch", "a", event("message"))), one(node("catch", "a", event("message", messageRef="m")), MESSAGE),
    ),
    "signal-at-end": (
        diagram("start start", "and g", node("end", "end", event("signal", signalRef="s")),
                node("catch", "c", event("signal", signalRef="s")), "end e2",
                arrows="start>g g>end g>c c>e2", roots=SIGNAL),
        diagram("start start", "and g", node("throw", "t", event("signal", signalRef="s")), "end end",
                node("catch", "c", event("signal", signalRef="s")), "end e2",
                arrows="start>g g>t t>end g>c c>e2", roots=SIGNAL),
    ),
    "cancel-outside-transaction": (
        diagram("start start", node("end", "end", event("cancel")), arrows="start>end"),
        one(sub("a", "start s2", "xor g", "end e2", node("end", "e3", event("cancel")),
                arrows="s2>g\ng>e2:x\ng>e3:not x", kind="transaction")),
    ),
    "loop-behaviour": (repeated(LIST + ITEM, behavior="None"), repeated(LIST + ITEM, behavior="All")),
    "loop-without-list": (repeated(""), repeated(LIST + ITEM)),
    "loop-number": (repeated("<bpmn:loopCardinality>10**7</bpmn:loopCardinality>"),
                    repeated("<bpmn:loopCardinality>3</bpmn:loopCardinality>")),
    "loop-without-maximum": (looped(), looped(loopMaximum="3")),
    "loop-maximum": (looped(loopMaximum="100000"), looped(loopMaximum="12", testBefore="true")),
    "months-in-duration": (waits("Duration", '"P1M"'), waits("Duration", '"PT1M"')),
    "naive-date": (waits("Date", '"2026-10-25T01:30:00"'), waits("Date", '"2026-10-25T01:30:00+01:00"')),
    "timer": (waits("Duration", "P10D"), waits("Duration", '"P10D"')),
    "timer-missing": (one(node("catch", "a", event("timer"))), waits("Date", "months_after(started_on, 1)")),
    "timer-too-long": (waits("Duration", '"P9999999999D"'), waits("Duration", '"P3000D"')),
    "cycle-too-short": (again('"R3/PT5M"'), again('"R3/PT1H"')),
    "cycle-too-often": (again('"R99999999/P1D"'), again('"R200/P1D"')),
    "script-missing": (one("script a"), one(script("a", "x = 1"))),
    "script": (one(script("a", "__import__('os').system('x')")), one(script("a", "x = 1\ny = x + 1"))),
    "call-missing": (one(CALL), file(process("start start", CALL, "end end", arrows=LINE), OTHER)),
    "call-cycle": (
        one(node("call", "a", calledElement="main")), file(process("start start", CALL, "end end", arrows=LINE), OTHER),
    ),
    "decision-missing": (
        one("rule a"),
        {"x.bpmn": one(node("rule", "a", "<bpmn:extensionElements><spiffworkflow:calledDecisionId>D1"
                            "</spiffworkflow:calledDecisionId></bpmn:extensionElements>")),
         "t.dmn": table(["n"], ["out"], ANY)},
    ),
    "service-task": (one("service a"), one("manual a")),
    "join-never-completes": (ways("xor", "and"), ways("and", "and")),
    "drawing-number": (
        one("task a").replace("</bpmn:definitions>", '<bpmndi:BPMNDiagram><bpmndi:BPMNPlane><bpmndi:BPMNShape '
            'bpmnElement="a"><dc:Bounds x="NaN" y="1" width="1" height="1"/></bpmndi:BPMNShape></bpmndi:BPMNPlane>'
            "</bpmndi:BPMNDiagram></bpmn:definitions>"),
        one("task a").replace("</bpmn:definitions>", '<bpmndi:BPMNDiagram><bpmndi:BPMNPlane><bpmndi:BPMNShape '
            'bpmnElement="a"><dc:Bounds x="-1.5" y="1" width="1" height="1"/></bpmndi:BPMNShape></bpmndi:BPMNPlane>'
            "</bpmndi:BPMNDiagram></bpmn:definitions>"),
    ),
    "message-flow": (
        file(process("start start", "task a", "task b", "end end", arrows="start>a a>b b>end"),
             '<bpmn:collaboration id="c"><bpmn:participant id="p" processRef="main"/>'
             '<bpmn:messageFlow id="mf" sourceRef="a" targetRef="b"/></bpmn:collaboration>'),
        file(process("start start", "task a", "end end", arrows=LINE),
             '<bpmn:collaboration id="c"><bpmn:participant id="p" processRef="main"/><bpmn:participant id="q"/>'
             '<bpmn:messageFlow id="mf" sourceRef="a" targetRef="q"/></bpmn:collaboration>'),
    ),
    "duplicate-process": (
        {"a.bpmn": one("task a"), "b.bpmn": one("task a")},
        {"a.bpmn": one("task a"), "b.bpmn": one("task a", own="second")},
    ),
    "same-message": (
        diagram(node("start", "s1", event("message", messageRef="m")), node("start", "s2", event("message",
                messageRef="m")), "user a", "end end", arrows="s1>a s2>a a>end", roots=MESSAGE),
        diagram(node("start", "s1", event("message", messageRef="m")), node("start", "s2", event("message",
                messageRef="n")), "user a", "end end", arrows="s1>a s2>a a>end", roots=MESSAGE + OTHER_MESSAGE),
    ),
    "event-sub-process-kind": (
        event_sub(isInterrupting="false").replace(event("message", messageRef="m"), event("signal", signalRef="s"))
        .replace(MESSAGE, SIGNAL),
        event_sub(isInterrupting="false"),
    ),
    "event-sub-process-not-heard": (
        one(sub("a", "start s3", "user u", "end e3", BESIDE, arrows="s3>u u>e3"), MESSAGE),
        one(sub("a", "start s3", "user u", "end e3", BESIDE.replace(event("message", messageRef="m"),
                timer("Duration", '"P1D"')), arrows="s3>u u>e3")),
    ),
    "cycle-place": (waits("Cycle", '"R3/P7D"'), again('"R3/P7D"')),
    "endless-loop": (
        diagram("start start", "xor m", script("a", "n = 1"), node("xor", "g", default="g_to_m"), "end end",
                arrows="start>m\nm>a\na>g\ng>m\ng>end:done"),
        diagram("start start", "xor m", script("a", "n = n + 1"), node("xor", "g", default="g_to_m"), "end end",
                arrows="start>m\nm>a\na>g\ng>m\ng>end:n > 5"),
    ),
    "loop-without-choice": (
        diagram("start start", "user a", LEFT_LATE, "user b", "end end", arrows="start>a a>b b>a late>end"),
        diagram("start start", "user a", LEFT_LATE, "user b", "xor g", "end end",
                arrows="start>a\na>b\nb>g\ng>a:again\ng>end:not again\nlate>end"),
    ),
    "id-missing": (one("task a").replace('<bpmn:process id="main"', "<bpmn:process"),
                   one("task a").replace('id="a_to_end" ', "")),
    "never-taken": (
        chooses("g>b", "g>c:x > 5 and x < 3", default="g_to_b"), chooses("g>b", "g>c:x > 5 or x < 3", default="g_to_b"),
    ),
    "pool-without-process": (
        file(process("start start", "task a", "end end", arrows=LINE),
             '<bpmn:collaboration id="c"><bpmn:participant id="p" processRef="gone"/></bpmn:collaboration>'),
        file(process("start start", "task a", "end end", arrows=LINE),
             '<bpmn:collaboration id="c"><bpmn:participant id="p" processRef="main"/><bpmn:participant id="q"/>'
             "</bpmn:collaboration>"),
    ),
    "two-lanes": (in_lanes(["start", "a", "end"], ["a"]), in_lanes(["start", "a"], ["end"])),
    "lane-lists-nothing": (in_lanes(["start", "a", "gone"]), in_lanes(["start", "a", "note"])),
    # decision tables
    "not-dmn": (tables("<a/>"), tables(table(["n"], ["out"], ANY))),
    "cell": (tables(table(["n"], ["out"], ('"a","b"', '"x"'), ANY)),
             tables(table(["n"], ["out"], ('? in ("a", "b")', '"x"'), ('"a?b"', '"x"'), ANY))),
    "output-name": (tables(table(["n"], ["a.__class__"], ANY)), tables(table(["n"], ["outcome"], ANY))),
    "output-cell": (tables(table(["n"], ["out"], ("-", "true"))), tables(table(["n"], ["out"], ("-", "True")))),
    "input-expression": (
        tables(table(["applicant age"], ["out"], ANY)), tables(table(["applicant.age"], ["out"], ANY)),
    ),
    "rules-overlap": (
        tables(table(["n:number"], ["out"], ("> 5", "1"), ("> 4", "2"), ("<= 4", "3"), policy="UNIQUE")),
        tables(table(["n:number"], ["out"], ("> 5", "1"), ("<= 5", "2"), policy="UNIQUE")),
    ),
    "no-catch-all": (
        tables(table(["n"], ["out"], ('"a"', "1"), ('"b"', "2"))),
        tables(table(["n:boolean"], ["out"], ("True", "1"), ("False", "2"), policy="UNIQUE")),
    ),
    "rule-never-matches": (
        tables(table(["n:number"], ["out"], ("? > 5 and ? < 3", "1"), ("-", "2"))),
        tables(table(["n:number"], ["out"], ("3 < ? < 5", "1"), ("-", "2"))),
    ),
    "hit-policy": (tables(table(["n"], ["out"], ANY, policy="RULE ORDER")), tables(table(["n"], ["out"], ANY))),
    "cells-missing": (tables(table(["n", "m"], ["out"], ("-", '"x"'))), tables(table(["n"], ["out"], ANY))),
}  # fmt: skip


@pytest.mark.parametrize("rule", PAIRS)
def test_each_rule_stops_its_fault_and_says_where(rule):
    found = errors(PAIRS[rule][0])
    assert rule in found, sorted(found)
    assert found[rule].message.endswith((".", ".)"))
    assert found[rule].mend


@pytest.mark.parametrize("rule", PAIRS)
def test_each_rule_lets_the_near_miss_through(rule):
    assert errors(PAIRS[rule][1]) == {}


def test_a_finding_names_line_and_element():
    found = errors(one(node("task", "a", completionQuantity="2")))["token-quantity"]
    assert (found.file, found.element) == ("x.bpmn", "a")
    assert found.line is not None
    assert "“a”" in found.message


def test_a_join_that_lacks_an_interrupted_way_is_told():
    late = node("boundary", "late", timer("Duration", '"P1D"'), attachedToRef="a")
    steps = ["start start", "and split", "user a", "user b", late, "end out", "and join", "end end"]
    arrows = f"{TWO_WAYS} late>out"
    assert "join-never-completes" in errors(diagram(*steps, arrows=arrows))
    steps[5] = node("end", "out", event("terminate"))
    assert errors(diagram(*steps, arrows=arrows)) == {}


def test_a_join_that_is_short_of_the_second_token_of_one_way_is_told():
    chosen = node("xor", "g", default="g_to_j")
    steps = ["start start", "and f", "xor m", "user a", chosen, "user b", "and j", "end end"]
    arrows = "start>f\nf>m\nf>a\na>g\ng>j\nm>b\nb>j\nj>end"
    assert errors(diagram(*steps, arrows=arrows)) == {}
    again = f"{arrows}\ng>m:again"
    assert "join-never-completes" in errors(diagram(*steps, arrows=again))


def test_parallel_ways_that_meet_without_a_join_are_a_warning():
    found = check({"x.bpmn": ways("and", "xor")})
    assert [f.level for f in found if f.rule == "done-twice"] == ["warning"]
    assert "join-never-completes" not in errors(ways("and", "xor"))


@pytest.mark.parametrize(("split", "join"), [("xor", "xor"), ("and", "and"), ("and", "or"), ("xor", "or")])
def test_splits_and_joins_that_fit_say_nothing(split, join):
    found = {f.rule for f in check({"x.bpmn": ways(split, join)})}
    assert not found & {"join-never-completes", "done-twice"}


def test_thirty_parallel_ways_and_nested_choices_are_played_quickly():
    steps, arrows = ["start start", "and split", "and join", "end end"], ["start>split", "join>end"]
    for n in range(30):
        steps += [node("xor", f"g{n}", default=f"g{n}_to_t{n}"), f"task t{n}", f"xor m{n}"]
        arrows += [f"split>g{n}", f"g{n}>t{n}", f"g{n}>m{n}:x == {n}", f"t{n}>m{n}", f"m{n}>join"]
    began = time.process_time()
    assert errors(diagram(*steps, arrows="\n".join(arrows))) == {}
    assert time.process_time() - began < SECONDS_AT_THE_GATE


def test_diagrams_of_other_editors_are_let_through():
    text = diagram(
        "start start",
        node("user", "a", '<bpmn:extensionElements><camunda:formData><camunda:formField id="x"/></camunda:formData>'
             '<zeebe:assignmentDefinition assignee="x"/></bpmn:extensionElements>', **{"camunda:assignee": "x"}),
        node("manual", "b", '<bpmn:dataInputAssociation id="di"><bpmn:sourceRef>store</bpmn:sourceRef>'
             "<bpmn:targetRef>p1</bpmn:targetRef></bpmn:dataInputAssociation>"
             '<bpmn:dataOutputAssociation id="dout"><bpmn:targetRef>ref</bpmn:targetRef></bpmn:dataOutputAssociation>'),
        "task c", "end end", arrows="start>a a>b b>c c>end",
    ).replace("</bpmn:process>", '<bpmn:dataObject id="obj"/><bpmn:dataObjectReference id="ref" dataObjectRef="obj"/>'
              '<bpmn:dataStoreReference id="store" dataStoreRef="ds"/><bpmn:group id="gr"/></bpmn:process>'
              '<bpmn:dataStore id="ds" name="Archive"/>'
              '<bpmn:process id="them" isExecutable="false"><bpmn:task id="t9"/></bpmn:process>'
              '<bpmn:collaboration id="c0"><bpmn:participant id="p" processRef="main"/>'
              '<bpmn:participant id="q" processRef="them"/><bpmn:participant id="black"/>'
              '<bpmn:messageFlow id="mf" sourceRef="a" targetRef="black"/></bpmn:collaboration>')  # fmt: skip
    assert errors(text) == {}
    assert "not-executable" in warnings(text)


def test_a_whole_deployment_is_let_through_and_its_parts_belong_together():
    files = {str(p.relative_to(MINI)): p.read_text() for p in MINI.rglob("*") if p.suffix in {".bpmn", ".json", ".dmn"}}
    assert check(files) == []
    path = "processes/application.bpmn"
    changed = {
        "form-missing": files[path].replace('name="form" value="check"', 'name="form" value="gone"'),
        "lane-role": files[path].replace('name="Tree officer"', 'name="Wood officer"'),
        "role-unknown": files[path].replace('name="role" value="clerk"', 'name="role" value="nobody"'),
        "clause-unknown": files[path].replace('name="clause" value="2"', 'name="clause" value="99"'),
        "remind": files[path].replace('value="7 1"', 'value="seven"'),
        "due": files[path].replace("working_days_after(opened_at, 5)", "in five days"),
        "clock-from": files[path].replace('name="from"', 'name="form_of_start"'),
        "clock-place": files[path].replace('cancelActivity="false"', ""),
        "clock-held": files[path].replace('name="remind" value="7 1"', 'name="held" value="the holds"'),
    }
    for rule, text in changed.items():
        assert text != files[path]
        assert rule in errors({**files, path: text}), rule


def clocked(kind, expression, *, body="Date", **given):
    """A task with a clock on its edge."""
    says = properties(clock="limit", name="Limit", kind=kind, **given) + timer(body, expression)
    late = node("boundary", "late", says, attachedToRef="a", cancelActivity="false")
    return diagram("start start", "user a", late, "end end", "end e2", arrows="start>a a>end late>e2")


def test_a_counter_comes_again_and_again_and_needs_no_start():
    assert errors(clocked("counter", '"R12/P28D"', body="Cycle")) == {}
    assert "clock-place" in errors(clocked("counter", "date(2027, 1, 1)"))
    assert "clock-place" in errors(clocked("local rule", '"R12/P28D"', body="Cycle", **{"from": "came_on"}))
    assert "clock-from" in errors(clocked("local rule", "date(2027, 1, 1)"))
    assert "clock-kind" in warnings(clocked("habit", "date(2027, 1, 1)", **{"from": "came_on"}))


def test_holds_of_a_clock_that_nothing_sets_are_told():
    form = {"type": "default", "title": "T", "components": [
        {"type": "textfield", "key": "k", "label": "K", "properties": {"variable": "came_on"}}]}  # fmt: skip
    text = clocked("local rule", "came_on", **{"from": "came_on", "held": "holds"})
    bundle = {"x.bpmn": text, "forms/f.json": json.dumps(form)}
    assert "never-set" in warnings(bundle)
    form["components"][0]["properties"]["variable"] = "holds"
    assert "holds" not in str(check({**bundle, "forms/f.json": json.dumps(form)}))


def test_companions_that_are_not_there_are_not_missed():
    alone = one(node("user", "a", properties(form="anything", role="anybody", clause="9", due="opened_at")))
    assert errors(alone) == {}


def test_names_that_clash_with_an_item_or_are_never_set_are_told():
    form = {"type": "default", "title": "T", "components": [
        {"type": "textfield", "key": "k", "label": "K", "properties": {"variable": "agency"}}]}  # fmt: skip
    bundle = {"x.bpmn": repeated(LIST + ITEM), "forms/f.json": json.dumps(form)}
    assert "item-clash" in errors(bundle)
    form["components"][0]["properties"]["variable"] = "agency.answer"
    bundle["forms/f.json"] = json.dumps(form)
    assert "item-clash" not in errors(bundle)
    assert "never-set" in warnings(bundle)


def blocks(count):
    steps, arrows = ["start b0", "end end"], [f"b{count}>end", "b0>s0"]
    for n in range(count):
        steps += [f"and s{n}", f"task x{n}", f"task y{n}", f"task z{n}", f"and j{n}", f"task b{n + 1}"]
        arrows += [f"s{n}>{k}{n} {k}{n}>j{n}" for k in "xyz"] + [f"j{n}>b{n + 1}"]
        arrows += [f"b{n}>s{n}"] if n else []
    return diagram(*steps, arrows=" ".join(arrows))


def test_long_lines_and_large_diagrams_are_stopped_and_ordinary_ones_are_not():
    def line(count):
        steps = [f"task t{n}" for n in range(count)]
        arrows = " ".join(["start>t0", *(f"t{n}>t{n + 1}" for n in range(count - 1)), f"t{count - 1}>end"])
        return diagram("start start", *steps, "end end", arrows=arrows)

    assert "too-long" in errors(line(301))
    assert "too-many-elements" in errors(line(1_200))
    assert "too-many-ways-ahead" in errors(blocks(12))
    assert errors(blocks(5)) == {}
    assert errors(line(290)) == {}


@pytest.mark.parametrize("cell", ['not("HIGH")', 'in ["HIGH","MED"]', "[1..5]", '"HIGH" or "MED"', "? " * 20_000])
def test_cells_that_would_decide_wrongly_are_stopped(cell):
    assert "cell" in errors(tables(table(["n"], ["out"], (cell, "1"), ("-", "2"))))


CELLS = ["> 5", "!= 'a'", "-5", "? is None", 'not ? in ("a",)', "'a..b'", "len(?) > 3", '?.startswith("x")', "None"]


@pytest.mark.parametrize("cell", [*CELLS, "5 < ? < 10", "in_progress", "< date(2020, 1, 1)", '"a" if y else "b"'])
def test_cells_that_do_what_they_seem_to_are_let_through(cell):
    assert errors(tables(table(["n"], ["out"], (cell, "1"), ("-", "2")))) == {}


@pytest.mark.parametrize(
    ("types", "rules", "overlap"),
    [
        (["n:integer"], [("< 18", "1"), ("> 17", "2")], False),
        (["n:number"], [("< 18", "1"), ("> 17", "2")], True),
        (["n:number"], [("> limit", "1"), ("<= limit", "2"), ("-", "3")], False),
        (["n"], [('? in ("a", "b")', "1"), ('"b"', "2"), ("-", "3")], True),
        (["n:number", "n:number"], [("> 5", "< 8", "1"), ("<= 5", "-", "2"), ("-", ">= 8", "3")], False),
        (["a:boolean", "b:boolean"], [("True", "-", "1"), ("False", "True", "2"), ("False", "False", "3")], False),
        (["a", "b"], [('"x"', "-", "1"), ("-", '"y"', "2"), ("-", "-", "3")], True),
    ],
)
def test_overlap_is_claimed_only_where_it_is_proved(types, rules, overlap):
    found = set(errors(tables(table(types, ["out"], *rules, policy="UNIQUE"))))
    assert found == ({"rules-overlap"} if overlap else set())


def test_a_table_of_many_ranges_is_judged_quickly():
    rules = [(f"{n} <= ? < {n + 1}", f"> {n}", str(n)) for n in range(130)]
    began = time.process_time()
    assert errors(tables(table(["n:number", "m:number"], ["out"], *rules, ("-", "-", "1"), policy="UNIQUE"))) == {}
    assert time.process_time() - began < SECONDS_AT_THE_GATE


@pytest.mark.parametrize("text", ["", "PK\x03\x04", "<", "\ud800", "<a xmlns='&'/>", "{", b"\xff\xfe<\x00", b"\x00"])
def test_what_is_no_diagram_is_answered(text):
    for name in ("x.bpmn", "x.dmn", "x.xml", "forms/x.json", "processes/roles.json"):
        assert check({name: text})


@given(st.binary(max_size=400), st.sampled_from(["x.bpmn", "x.dmn", "forms/x.json", "processes/roles.json"]))
@settings(max_examples=150, deadline=2_000)
def test_no_bytes_make_the_gate_raise(data, name):
    check({name: data})


WHOLE = {str(p.relative_to(MINI)): p.read_text() for p in MINI.rglob("*") if p.suffix in {".bpmn", ".json"}}
SEEDS = [{"x.bpmn": f} if isinstance(f, str) else f for p in PAIRS.values() for f in p if isinstance(f, str | dict)]
SEEDS = [files for files in SEEDS if max(map(len, files.values())) < 20_000] + [WHOLE] * 20


@given(st.sampled_from(SEEDS), st.data(), st.integers(0, 60), st.text('<>"=/ abP1:?é[]{}', max_size=12))
@settings(max_examples=300, deadline=2_000)
def test_no_change_to_a_file_makes_the_gate_raise(files, data, length, put):
    path = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[path])))
    check({**files, path: files[path][:place] + put + files[path][place + length :]})


@pytest.mark.parametrize("rule", PAIRS)
def test_every_answer_comes_within_a_bound(rule):
    for files in PAIRS[rule]:
        began = time.process_time()
        errors(files)
        assert time.process_time() - began < SECONDS_AT_THE_GATE


LATE = node("catch", "t", timer("Duration", '"P1D"'))
FIRST_OF = "start>g g>a g>t a>end t>end"


def first_of(*steps, roots=MESSAGE):
    return errors(diagram("start start", "event g", *steps, "end end", arrows=FIRST_OF, roots=roots))


def test_ways_out_of_an_event_gateway_that_may_not_stand_side_by_side_are_stopped():
    asked, received = node("catch", "a", event("message", messageRef="m")), node("receive", "a", messageRef="m")
    other = node("catch", "t", event("message", messageRef="n"))
    edge = node("boundary", "b", timer("Duration", '"P9D"'), attachedToRef="a")
    assert first_of(asked, LATE) == first_of(received, LATE) == {}
    assert first_of(asked, other, roots=MESSAGE + OTHER_MESSAGE) == {}
    assert "for too" in first_of(asked, other.replace('"n"', '"m"'))["event-gateway"].message
    assert "receive tasks" in first_of(received, other, roots=MESSAGE + OTHER_MESSAGE)["event-gateway"].message
    steps = ["start start", "event g", received, edge, LATE, "end end"]
    found = errors(diagram(*steps, arrows=f"{FIRST_OF} b>end", roots=MESSAGE))
    assert "no boundary event" in found["event-gateway"].message


@pytest.mark.parametrize(
    ("source", "target", "wrong"),
    [("q", "g", True), ("start", "q", True), ("q", "end", True), ("a", "q", False), ("q", "start", False),
     ("end", "q", False), ("q", "p", False)],
)  # fmt: skip
def test_message_flows_end_where_something_sends_or_receives(source, target, wrong):
    pools = '<bpmn:participant id="p" processRef="main"/><bpmn:participant id="q"/>'
    flow = f'<bpmn:messageFlow id="mf" sourceRef="{source}" targetRef="{target}"/>'
    main = process("start start", "task a", "xor g", "end end", arrows="start>a a>g g>end")
    found = errors(file(main, f'<bpmn:collaboration id="c">{pools}{flow}</bpmn:collaboration>'))
    assert set(found) == ({"message-flow"} if wrong else set())


def test_two_ways_on_one_condition_are_stopped_only_where_one_way_is_taken():
    arrows = ("g>b:x == 1", "g>c: x ==  1", "g>d")
    steps = ["start start", "end b", "end c", "end d"]
    for kind, stopped in (("xor", True), ("or", False)):
        gateway = node(kind, "g", default="g_to_d")
        text = diagram(*steps, gateway, arrows="\n".join(["start>g", *arrows]))
        assert ("never-taken" in errors(text)) is stopped


def test_a_boundary_event_on_an_event_sub_process_is_stopped():
    edge = node("boundary", "b", timer("Duration", '"P9D"'), attachedToRef="extra")
    steps = ["start start", "user a", "end end", BESIDE]
    assert errors(diagram(*steps, arrows=LINE, roots=MESSAGE)) == {}
    assert "boundary-host" in errors(diagram(*steps, edge, "end e5", arrows=f"{LINE} b>e5", roots=MESSAGE))


def test_a_loop_that_waits_or_may_change_its_way_out_is_let_through():
    def loop(step, condition):
        steps = ["start start", "xor m", step, node("xor", "g", default="g_to_m"), "end end"]
        return errors(diagram(*steps, arrows=f"start>m\nm>a\na>g\ng>m\ng>end:{condition}"))

    assert loop("user a", "done") == loop(script("a", "done = ready"), "done") == {}
    assert set(loop(script("a", "other = ready"), "done")) == {"endless-loop"}


def test_two_elements_of_one_id_are_told_without_what_only_follows_from_it():
    text = diagram("start start", "user a", node("user", "a"), "end end", arrows="start>a a>end")
    assert set(errors(text)) == {"duplicate-id"}


def test_a_script_line_that_never_has_a_value_is_stopped():
    assert "nought" in errors(one(script("a", "x = 1 / 0")))["script"].message
    assert errors(one(script("a", "x = 1 / n"))) == {}


def test_what_a_diagram_calls_must_be_deployed_with_it():
    asks = "<bpmn:extensionElements><spiffworkflow:calledDecisionId>D9</spiffworkflow:calledDecisionId>"
    rule = node("rule", "a", f"{asks}</bpmn:extensionElements>")
    for step, told in ((CALL, "call-missing"), (rule, "decision-missing")):
        assert told in errors(one(step))


@pytest.mark.parametrize(
    "step",
    [
        node("user", "a", f'<bpmn:{MULTI} camunda:collection="people"/>'),
        node("rule", "a", **{"camunda:decisionRef": "D1"}),
        node("call", "a", '<bpmn:extensionElements><zeebe:calledElement processId="p"/></bpmn:extensionElements>'),
    ],
)
def test_what_another_tool_spells_its_own_way_is_said_to_be_that(step):
    assert any("as another tool does" in f.message for f in errors(one(step)).values())


def test_references_that_only_document_are_a_warning():
    text = one(node("task", "a", "<bpmn:incoming>gone</bpmn:incoming>"))
    assert "points-nowhere" in warnings(text)
    assert errors(text) == {}
    assert "points-nowhere" not in warnings(one(node("task", "a", "<bpmn:incoming>start_to_a</bpmn:incoming>")))


def test_a_step_repeated_over_a_text_is_stopped_and_over_a_list_is_not():
    def over(value):
        steps = ["start start", script("set", f"agencies = {value}"), node("user", "a", f"<bpmn:{MULTI}>{LIST}{ITEM}"
                 f"</bpmn:{MULTI}>"), "end end"]  # fmt: skip
        return errors(diagram(*steps, arrows="start>set set>a a>end"))

    assert "loop-over-no-list" in over('"police"')
    assert "loop-over-no-list" in over('[None, "b"]')
    assert over('["a", "b"]') == {}
    assert over("others") == {}


class Drawn:
    """A diagram drawn block by block, so that it is sound by the way it is made."""

    def __init__(self):
        self.steps, self.arrows = [], []

    def draw(self, block, before):
        """Draw ``block`` after the step ``before``; return the step it ends with."""
        kind, parts = block
        own = f"n{len(self.steps)}"
        if kind in {"task", "user", "manual"}:
            self.steps.append(f"{kind} {own}")
            self.arrows.append(f"{before}>{own}")
            return own
        if kind == "line":
            for part in parts:
                before = self.draw(part, before)
            return before
        return getattr(self, f"draw_{kind}")(own, parts, before)

    def draw_gates(self, own, parts, before, kind):
        default = {"default": f"{own}_to_{own}m"} if kind != "and" else {}
        self.steps += [node(kind, own, **default), f"{kind} {own}m"]
        self.arrows += [f"{before}>{own}"] + ([f"{own}>{own}m"] if kind != "and" else [])
        for number, part in enumerate(parts):
            first = f"{own}f{number}"
            self.steps.append(f"task {first}")
            self.arrows += [f"{own}>{first}" + (f":x == {number}" if kind != "and" else "")]
            self.arrows.append(f"{self.draw(part, first)}>{own}m")
        return f"{own}m"

    def draw_xor(self, *given):
        return self.draw_gates(*given, "xor")

    def draw_and(self, *given):
        return self.draw_gates(*given, "and")

    def draw_or(self, *given):
        return self.draw_gates(*given, "or")

    def draw_loop(self, own, parts, before):
        self.steps += [f"xor {own}", node("xor", f"{own}x", default=f"{own}x_to_{own}y"), f"task {own}y"]
        end = self.draw(("line", parts), own)
        self.arrows += [f"{before}>{own}", f"{end}>{own}x", f"{own}x>{own}:again", f"{own}x>{own}y"]
        return f"{own}y"

    def draw_late(self, own, parts, before):
        """A user task that may be interrupted; the ways meet again."""
        late = node("boundary", f"{own}b", timer("Duration", '"P5D"'), attachedToRef=own)
        self.steps += [f"user {own}", late, f"xor {own}m"]
        self.arrows += [f"{before}>{own}", f"{own}>{own}m", f"{self.draw(('line', parts), f'{own}b')}>{own}m"]
        return f"{own}m"

    def draw_aside(self, own, parts, before):
        """A user task with a reminder beside it that goes its own way to an end."""
        late = node("boundary", f"{own}b", timer("Cycle", '"R3/P5D"'), attachedToRef=own, cancelActivity="false")
        self.steps += [f"user {own}", late, f"end {own}e"]
        self.arrows += [f"{before}>{own}", f"{self.draw(('line', parts), f'{own}b')}>{own}e"]
        return own

    def draw_first(self, own, parts, before):
        """Whichever of several events comes first."""
        self.steps += [f"event {own}", f"xor {own}m"]
        self.arrows.append(f"{before}>{own}")
        for number, part in enumerate((*parts, ("task", ()))):
            self.steps.append(node("catch", f"{own}c{number}", timer("Duration", f'"P{number + 1}D"')))
            self.arrows += [f"{own}>{own}c{number}", f"{self.draw(part, f'{own}c{number}')}>{own}m"]
        return f"{own}m"


PLAIN = st.sampled_from([("task", ()), ("user", ()), ("manual", ())])
BLOCKS = st.recursive(
    PLAIN,
    lambda inner: st.tuples(
        st.sampled_from(["line", "xor", "and", "or", "loop", "late", "aside", "first"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=14,
)


@given(BLOCKS)
@settings(max_examples=200, deadline=2_000)
def test_whatever_is_drawn_block_by_block_is_let_through(block):
    drawn = Drawn()
    last = drawn.draw(block, "start")
    text = diagram("start start", *drawn.steps, "end end", arrows="\n".join([*drawn.arrows, f"{last}>end"]))
    found = check({"x.bpmn": text})
    assert [f for f in found if f.level == "error"] == []
    assert [f for f in found if f.rule == "done-twice"] == []


def test_names_that_are_kept_for_the_service_are_stopped():
    taken = f'{LIST}<bpmn:inputDataItem id="self" name="self"/>'
    assert "item-name" in errors(repeated(taken))
    variable = "<spiffworkflow:messageVariable>typename</spiffworkflow:messageVariable>"
    inside = f"<bpmn:extensionElements>{variable}</bpmn:extensionElements>"
    kept = one(node("catch", "a", event("message", inside, messageRef="m")), MESSAGE)
    assert "variable-name" in errors(kept)
    assert errors(kept.replace("typename", "answer")) == {}


def test_a_form_named_as_another_tool_names_it_is_looked_for():
    step = node("user", "a", properties(formJsonSchemaFilename="record.json"))
    form = json.dumps({"type": "default", "components": [{"type": "text", "text": "x"}]})
    assert "form-missing" in errors({"x.bpmn": one(step), "forms/other.json": form})
    assert errors({"x.bpmn": one(step), "forms/record.json": form}) == {}
