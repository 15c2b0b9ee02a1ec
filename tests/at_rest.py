"""The small definition with a refusal that is no end: the case rests, until an appeal or twelve weeks of silence."""

import re

from build import MINI

FILES = {p.relative_to(MINI).as_posix(): p.read_text() for p in sorted(MINI.rglob("*")) if p.is_file()}
DIAGRAM = "processes/application.bpmn"
REFUSAL = """<bpmn:eventBasedGateway id="refused" name="Closed: refused">
      <bpmn:extensionElements><spiffworkflow:properties>
        <spiffworkflow:property name="rests" value="closed_refused"/>
      </spiffworkflow:properties></bpmn:extensionElements>
      <bpmn:incoming>refuse</bpmn:incoming><bpmn:outgoing>f8</bpmn:outgoing><bpmn:outgoing>f9</bpmn:outgoing>
    </bpmn:eventBasedGateway>
    <bpmn:intermediateCatchEvent id="appeal" name="Appeal">
      <bpmn:extensionElements><spiffworkflow:properties>
        <spiffworkflow:property name="role" value="clerk"/>{properties}
      </spiffworkflow:properties></bpmn:extensionElements>
      <bpmn:incoming>f8</bpmn:incoming><bpmn:outgoing>f10</bpmn:outgoing>
      <bpmn:messageEventDefinition id="appeal_message" messageRef="appealed"/>
    </bpmn:intermediateCatchEvent>
    <bpmn:intermediateCatchEvent id="silence" name="Twelve weeks pass">
      <bpmn:incoming>f9</bpmn:incoming><bpmn:outgoing>f11</bpmn:outgoing>
      <bpmn:timerEventDefinition id="silence_timer">
        <bpmn:timeDuration xsi:type="bpmn:tFormalExpression">"P84D"</bpmn:timeDuration></bpmn:timerEventDefinition>
    </bpmn:intermediateCatchEvent>
    <bpmn:endEvent id="refused_for_good" name="Refused for good"><bpmn:incoming>f11</bpmn:incoming></bpmn:endEvent>
    <bpmn:sequenceFlow id="f8" sourceRef="refused" targetRef="appeal"/>
    <bpmn:sequenceFlow id="f9" sourceRef="refused" targetRef="silence"/>
    <bpmn:sequenceFlow id="f10" sourceRef="appeal" targetRef="decide"/>
    <bpmn:sequenceFlow id="f11" sourceRef="silence" targetRef="refused_for_good"/>"""


def files(**properties: str) -> dict[str, str]:
    """The definition; ``properties`` are those of the event that receives an appeal."""
    written = "".join(f'<spiffworkflow:property name="{k}" value="{v}"/>' for k, v in properties.items())
    text = re.sub(
        r'<bpmn:endEvent id="refused".*?</bpmn:endEvent>', REFUSAL.replace("{properties}", written), FILES[DIAGRAM],
        flags=re.DOTALL,
    )  # fmt: skip
    message = '<bpmn:message id="application_received"'
    text = text.replace(message, f'<bpmn:message id="appealed" name="appealed"/>\n  {message}', 1)
    return FILES | {DIAGRAM: text}
