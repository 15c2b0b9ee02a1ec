"""The table of who reads what, held against the real roles and forms; and a test for each wall between people."""

import json
import re

import pytest

import visibility
from service.core.access import Actor, Membership, may_read, may_take
from service.core.reach import reaches

CELLS = visibility.cells()
CLASSES = sorted({name for name, _ in CELLS})
AGENCIES = (None, "police", "housing")


def person(role, agency=None, passed=frozenset()):
    return Actor("x", "X", "", (Membership(role, agency, "p"),), passed=frozenset(passed))


def reads(definition, role, access, *, agency="police", owner=None, passed=frozenset()):
    of_agency = definition.roles[role]["scope"] == "agency"
    return may_read(definition, person(role, agency if of_agency else None, passed), access, owner)


@pytest.mark.parametrize("access", CLASSES)
def test_every_role_reads_of_a_class_what_the_table_says(definition, access):
    for role, data in definition.roles.items():
        cell = CELLS.get((access, role), "-")
        task = cell.partition(" after ")[2] or "no_task"
        of_agency = data["scope"] == "agency"
        for owner in AGENCIES:
            for passed in (frozenset(), {(task, None)}, {(task, "police")}, {(task, "housing")}):
                wanted = visibility.allows(
                    cell, of_agency=of_agency, mine="police" if of_agency else None, owner=owner,
                    passed=frozenset(passed),
                )  # fmt: skip
                assert reads(definition, role, access, owner=owner, passed=passed) == wanted, (role, owner, passed)


def test_the_table_has_a_row_for_every_class_of_record_and_a_column_for_every_role_that_reads(definition):
    forms = {str(form.get("access", "case")) for form in definition.forms.values()}
    assert forms | {"reason", "access"} == set(CLASSES)
    assert {role for role, data in definition.roles.items() if data["reads"]} == {role for _, role in CELLS}


def test_wall_1_reviews_are_isolated_until_the_panel_chair_releases_the_set(definition):
    for role in ("agency_lead", "imr_author", "quality_signatory"):
        everything = {("sign_imr", None), ("sign_imr", "housing"), ("merge_chronology", None)}
        for access in ("imr", "chronology", "feedback", "commission"):
            assert not reads(definition, role, access, owner="housing", passed=everything), "never another agency's"
    for role in ("panel_member", "victim_representative"):
        assert not reads(definition, role, "imr", owner="housing", passed={("sign_imr", "housing")})
        assert reads(definition, role, "imr", owner="housing", passed={("merge_chronology", None)})
    assert not reads(definition, "panel_chair", "imr", owner="housing", passed={("sign_imr", "police")})
    assert reads(definition, "panel_chair", "imr", owner="housing", passed={("sign_imr", "housing")})


def test_wall_2_two_families_have_two_rooms(definition):
    forms = {key: form["access"] for key, form in definition.forms.items()}
    assert forms["family_contribution"] == "family_victim"
    assert forms["suspect_meeting"] == "family_suspect"
    for room in ("family_victim", "family_suspect"):
        inside = {role for role in definition.roles if reads(definition, role, room, passed={("x", None)})}
        assert inside == {"coordinator", "panel_chair"}


def test_wall_3_somebody_says_who_is_shut_out_and_only_some_read_why(definition):
    grants = {role for role, data in definition.roles.items() if data.get("grants_access")}
    assert grants == {"coordinator", "ssp_chair"}
    assert {role for role in definition.roles if reads(definition, role, "access")} == {*grants, "auditor"}


def test_wall_4_a_case_is_called_by_a_code_from_its_first_day(definition):
    assert re.fullmatch("[A-Z]+", definition.deployment["case_prefix"])


def test_wall_5_what_is_referred_out_is_kept_without_its_content(definition):
    questions = {c["key"]: c["type"] for c in definition.forms["discipline_referral"]["components"]}
    assert "textarea" not in questions.values()
    assert not any(reads(definition, r, "separation") for r in ("panel_member", "imr_author", "agency_lead"))


def test_wall_6_no_agency_and_nobody_outside_the_panel_reads_minutes(definition):
    minutes = definition.forms["panel_meeting"]["access"]
    readers = {role for role in definition.roles if reads(definition, role, minutes)}
    assert not readers & {"agency_lead", "imr_author", "quality_signatory", "consultee", "home_office", "comms"}


def test_wall_7_nobody_of_the_trial_has_a_role_here(definition):
    assert not {"sio", "senior_investigating_officer", "cps", "disclosure_officer", "flo"} & set(definition.roles)


def test_wall_8_who_keeps_the_service_running_reads_and_reaches_nothing(definition):
    far = {one.role: one for one in reaches(definition.roles)}
    for role in ("operator", "process_owner", "administrator"):
        assert definition.roles[role]["reads"] == []
        assert (far[role].reach, far[role].whole) == ("named", False)


def test_wall_9_nothing_of_the_report_leaves_before_it_is_approved(definition):
    for role in ("comms", "agency_lead", "imr_author", "quality_signatory"):
        for access in ("summary", "publication"):
            before = {("write_summary", None), ("sign_off", None), ("submit_report", None)}
            assert not reads(definition, role, access, passed=before), (role, access)
        assert reads(definition, role, "summary", passed={("propose_publication", None)})
        assert not any(may_take(d, person(role)) for d in definition.documents.values()), role


def test_wall_10_letters_carry_no_place_for_what_somebody_wrote(definition):
    names = [e.name for p in definition.processes.values() for e in p.elements.values() if e.kind == "userTask"]
    assert names
    assert not [name for name in names if "{" in name], "a task's name is sent by e-mail"


def test_agencies_are_called_and_see_only_their_own(definition):
    far = {one.role: one for one in reaches(definition.roles)}
    for role, data in definition.roles.items():
        if data["scope"] == "agency":
            assert (far[role].reach, far[role].whole) == ("called", False), role
    assert json.dumps(definition.roles["regional_viewer"]["reads"]) == "[]"
