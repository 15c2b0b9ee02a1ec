"""Every form of the product, sent to its real page with whatever anybody might type: always an answer."""

import json
import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from conftest import SteppedClock
from pages_site import close
from service.app import create_app
from service.core.definitions import content_hash
from service.core.forms_shape import components_of, key_of, questions
from service.runtime.entering import token_hash
from service.settings import Settings
from service.store.tables import account, incident, membership, partnership, process_definition, session
from service.store.transaction import reading, transaction
from tree import ROOT

FORMS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "forms").glob("*.json"))}
HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" id="d" targetNamespace="urn:fuzz">'
)
VALUES = st.one_of(
    st.sampled_from([
        "", " ", "yes", "no", "true", "false", "null", "0", "-1", "1e999", "NaN", "9" * 400, "29", "2", "2013",
        "31", "February", "14:30", "midday",
        "\u202e", "a\0b", "\r\n\t", "<b>", "{{7*7}}", "typename", "__builtins__", "١٢", "1", "²",
        '{"typename": "datetime"}', "[" * 500, "x" * 20_001,
    ]),
    st.text(max_size=12),
    st.integers().map(str),
    st.floats().map(str),
    st.recursive(st.none() | st.booleans(), lambda inner: st.lists(inner, max_size=2), max_leaves=3).map(json.dumps),
)  # fmt: skip


def names(holder) -> Iterator[tuple[str, list[str]]]:
    """The names a page sends for a form, each with what its choices offer."""
    for question in questions(components_of(holder)):
        key, kind = key_of(question), question["type"]
        offered = [str(choice["value"]) for choice in question.get("values", [])]
        if kind == "dynamiclist":
            yield f"{key}-rows", ["0", "1", "3"] * 5 + ["201"]  # too many only now and then: they are slow to draw
            yield from ((f"{key}-{row}-{name}", some) for row in (0, 1) for name, some in names(question))
        elif kind == "datetime":
            yield from ((f"{key}-{box}", ["1", "2", "2013"]) for box in ("day", "month", "year"))
        else:
            yield key, offered


def one_process_for_each_form() -> dict[str, str]:
    """Cases that begin with a form of the product and end at once, and everything else as the product has it."""
    files = {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for path in [*(ROOT / "processes").glob("*.json"), *(ROOT / "forms").glob("*.json")]
    }
    messages = "".join(f'<bpmn:message id="m_{form}" name="{form}"/>' for form in FORMS)
    starts = "".join(
        f'<bpmn:startEvent id="s_{form}" name="{form}"><bpmn:extensionElements><spiffworkflow:properties>'
        f'<spiffworkflow:property name="form" value="{form}"/><spiffworkflow:property name="role" value="anybody"/>'
        f"</spiffworkflow:properties></bpmn:extensionElements><bpmn:outgoing>f_{form}</bpmn:outgoing>"
        f'<bpmn:messageEventDefinition id="d_{form}" messageRef="m_{form}"/></bpmn:startEvent>'
        f'<bpmn:sequenceFlow id="f_{form}" sourceRef="s_{form}" targetRef="end_{form}"/>'
        f'<bpmn:endEvent id="end_{form}" name="End"><bpmn:incoming>f_{form}</bpmn:incoming></bpmn:endEvent>'
        for form in FORMS
    )
    process = f'<bpmn:process id="main" name="Main" isExecutable="true">{starts}</bpmn:process>'
    files["processes/main.bpmn"] = f"{HEAD}{messages}{process}</bpmn:definitions>"
    deployment = {"key": "fuzz", "main": "main", "case_prefix": "F", "title": "Fuzz", "case_word": "case"}
    files["processes/deployment.json"] = json.dumps(deployment)
    role = {"id": "anybody", "name": "Anybody", "scope": "partnership", "starts": list(FORMS), "reads": ["case"]}
    files["processes/roles.json"] = json.dumps([role])
    return files


@pytest.fixture(scope="module")
def signed_in(sqlite_template, tmp_path_factory) -> Iterator[tuple[FlaskClient, str]]:
    """A signed-in browser over that definition, and the token its pages carry."""
    folder, clock = tmp_path_factory.mktemp("fuzz"), SteppedClock()
    (folder / "cases.db").write_bytes(sqlite_template.read_bytes())
    app = create_app(Settings(practice=True, data_folder=folder), clock=clock, mailer=lambda _: None)
    service, files, at = app.extensions["service"], one_process_for_each_form(), clock()
    with transaction(service.store) as db:  # past the gate, which rightly asks for more than a start and an end
        db.execute(insert(process_definition).values(
            hash=content_hash(files), key="fuzz", version=1, bundle=json.dumps(files), note="", deployed_by="x",
            deployed_at=at,
        ))  # fmt: skip
        db.execute(insert(partnership).values(id="p", name="P"))
        who = {"id": "ann", "email": "ann@example.invalid", "name": "Ann", "password_hash": "x", "practice": True}
        db.execute(insert(account).values(who))
        db.execute(insert(membership).values(
            id="m", account_id="ann", partnership_id="p", role="anybody", granted_by="x", reason="x", from_at=at
        ))  # fmt: skip
        row = {"token_hash": token_hash("t"), "account_id": "ann", "started_at": at, "seen_at": at, "second_at": at}
        db.execute(insert(session).values(row))
    client = app.test_client()
    client.set_cookie("signed_in", "t")
    page = client.get("/cases/start/" + next(iter(FORMS)))
    yield client, re.search('name="csrf_token"[^>]*value="([^"]+)', page.text)[1]
    with reading(service.store) as db:
        assert db.execute(select(incident)).all() == []
    close(type("Site", (), {"service": service}))


@pytest.mark.parametrize("form", FORMS)
def test_whatever_is_sent_is_answered(signed_in, form):
    client, token = signed_in
    address = f"/cases/start/{form}"
    assert client.get(address).status_code == 200
    asked = dict(names(FORMS[form]))
    sent = st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(offered) | VALUES if offered else VALUES for name, offered in asked.items()}
    )

    @settings(max_examples=3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(sent, st.sampled_from(["save", "save", "refresh", "add:x", "remove:x:9"]))
    def send(answers, action):
        said = {"csrf_token": token, "key": str(uuid4()), "_action": action}
        answer = client.post(address, data=said | answers)
        assert answer.status_code in {200, 303, 422}, (answers, answer.status_code, answer.text[:300])
        assert "Traceback" not in answer.text

    send()
