"""Small diagrams and tables for the gate's tests, written as lists of steps and arrows.

``diagram("start", "user a", "end", arrows="start>a a>end")`` gives the text of a whole BPMN file.
"""

from xml.sax.saxutils import escape, quoteattr

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" '
    'xmlns:di="http://www.omg.org/spec/DD/20100524/DI" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" '
    'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" '
    'id="definitions" targetNamespace="urn:test">\n'
)
KINDS = {
    "start": "startEvent", "end": "endEvent", "user": "userTask", "task": "task", "manual": "manualTask",
    "xor": "exclusiveGateway", "and": "parallelGateway", "or": "inclusiveGateway", "event": "eventBasedGateway",
    "complex": "complexGateway", "catch": "intermediateCatchEvent", "throw": "intermediateThrowEvent",
    "call": "callActivity", "receive": "receiveTask", "send": "sendTask", "service": "serviceTask",
    "script": "scriptTask", "rule": "businessRuleTask", "boundary": "boundaryEvent",
}  # fmt: skip


def node(kind, own, inside="", name=None, **attributes):
    """One element; ``attributes`` as in BPMN, ``inside`` its children as XML."""
    tag = KINDS.get(kind, kind)
    extra = "".join(f" {k}={quoteattr(str(v))}" for k, v in attributes.items())
    return f'<bpmn:{tag} id="{own}" name={quoteattr(name or own)}{extra}>{inside}</bpmn:{tag}>'


def flows(arrows):
    """``"a>b a>c:x == 1"``, one arrow per line or separated by spaces where there is no condition."""
    lines = arrows.splitlines() if "\n" in arrows or ":" in arrows else arrows.split()
    found = []
    for line in lines:
        ends, _, condition = line.strip().partition(":")
        if not ends:
            continue
        source, target = (part.strip() for part in ends.split(">"))
        inside = condition and (
            '<bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">'
            f"{escape(condition)}</bpmn:conditionExpression>"
        )
        ends = f'id="{source}_to_{target}" sourceRef="{source}" targetRef="{target}"'
        found.append(f"<bpmn:sequenceFlow {ends}>{inside}</bpmn:sequenceFlow>")
    return "\n".join(found)


def process(*steps, arrows="", own="main", executable="true", **attributes):
    """A process element: steps are XML, or ``"kind id"`` for a plain one."""
    return f'<bpmn:process id="{own}" isExecutable="{executable}">\n{level(*steps, arrows=arrows)}\n</bpmn:process>'


def level(*steps, arrows=""):
    """Steps and arrows of one level."""
    body = [s if s.startswith("<") else node(s.split()[0], s.split()[-1]) for s in steps]
    return "\n".join([*body, flows(arrows)])


def sub(own, *steps, arrows="", kind="subProcess", **attributes):
    """A sub-process."""
    return node(kind, own, level(*steps, arrows=arrows), **attributes)


def file(*roots, extra=""):
    """A whole file of root elements."""
    return HEAD + "\n".join(roots) + extra + "\n</bpmn:definitions>\n"


def diagram(*steps, arrows="", roots="", **attributes):
    """A file with one process."""
    return file(process(*steps, arrows=arrows, **attributes), roots)


def event(kind, body="", **attributes):
    """An event definition."""
    extra = "".join(f" {k}={quoteattr(str(v))}" for k, v in attributes.items())
    return f"<bpmn:{kind}EventDefinition{extra}>{body}</bpmn:{kind}EventDefinition>"


def timer(kind, text):
    """A timer definition: kind is Date, Duration or Cycle."""
    return event("timer", f'<bpmn:time{kind} xsi:type="bpmn:tFormalExpression">{escape(text)}</bpmn:time{kind}>')


def script(own, text):
    """A script task."""
    return node("script", own, f"<bpmn:script>{escape(text)}</bpmn:script>")


def properties(**values):
    """Extension elements with our properties."""
    inside = "".join(
        f"<spiffworkflow:property name={quoteattr(k)} value={quoteattr(str(v))}/>" for k, v in values.items()
    )
    return (
        f"<bpmn:extensionElements><spiffworkflow:properties>{inside}</spiffworkflow:properties>"
        "</bpmn:extensionElements>"
    )


def table(inputs, outputs, *rules, policy="FIRST", attributes=""):
    """A decision table file: inputs as ``"expression"`` or ``"expression:type"``, rules as tuples of cells."""
    columns = "".join(
        f'<input id="i{n}"><inputExpression id="ie{n}" typeRef="{(i + ":string").split(":")[1]}">'
        f"<text>{escape(i.split(':')[0])}</text></inputExpression></input>"
        for n, i in enumerate(inputs)
    ) + "".join(f'<output id="o{n}" name={quoteattr(o)} typeRef="string"/>' for n, o in enumerate(outputs))
    rows = "".join(
        f'<rule id="r{n}">'
        + "".join(
            f'<{"inputEntry" if c < len(inputs) else "outputEntry"} id="c{n}_{c}"><text>{escape(cell)}</text>'
            f"</{'inputEntry' if c < len(inputs) else 'outputEntry'}>"
            for c, cell in enumerate(rule)
        )
        + "</rule>"
        for n, rule in enumerate(rules)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="urn:test">'
        f'<decision id="D1" name="D1"><decisionTable id="t" hitPolicy="{policy}" {attributes}>{columns}{rows}'
        "</decisionTable></decision></definitions>"
    )
