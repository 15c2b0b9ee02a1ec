"""The course of each time limit, followed through the steps of a history of any age."""

import gzip
import json

import pytest

from build import BEGIN, Played, a_definition, at, each, end, flow, script, timer, user, when
from golden_cases import GOLDEN
from service.core import clock_words, values
from service.core.calendar import london_date
from service.core.chain import Step
from service.core.clock_course import Course
from service.core.clock_courses import courses
from service.core.clock_numbers import Days
from service.core.commands import CancelInstance, DeliverMessage, FireTimers
from service.core.definitions import ProcessDefinition, definition_of

MORE = (
    '<bpmn:subProcess id="more" triggeredByEvent="true"><bpmn:startEvent id="more_start" isInterrupting="false">'
    '<bpmn:messageEventDefinition id="mm" messageRef="m_more"/></bpmn:startEvent><bpmn:endEvent id="more_end"/>'
    '<bpmn:sequenceFlow id="mf" sourceRef="more_start" targetRef="more_end"/></bpmn:subProcess>'
)
REPORT = "end_of_day(moved_to) if moved_to is not None else months_after(came_on, 1)"
LIMIT = a_definition(
    BEGIN, script("prepare", "moved_to = None"), user("decide"),
    timer("late", "decide", "timeDate", REPORT, clock="limit", name="Limit", kind="statutory", held="holds",
          **{"from": "came_on"}, remind="7 1"),
    user("why"), end("why_end"), MORE,
    '<bpmn:exclusiveGateway id="again" default="again_end"/>', end(),
    flow("begin", "prepare", "decide", "again", "end"), when("again", "decide", "more"), flow("late", "why", "why_end"),
)  # fmt: skip


def day(text: str):
    return at(text).date()


def begun(came_on: str = "2013-05-29", started: str = "2013-05-29T10:00", **more: object) -> Played:
    case = Played(LIMIT)
    case.start(started, came_on=day(came_on), holds=[], **more)
    return case


def told(case: Played, count: int | None = None) -> list[Course]:
    definitions = {case.definition.hash: case.definition}
    return courses(definitions.__getitem__, case.steps[:count])


def only(case: Played, count: int | None = None) -> Course:
    (course,) = told(case, count)
    return course


def tell(case: Played, when: str, **variables: object) -> None:
    case.take(DeliverMessage("more", variables), when)


def test_a_limit_that_was_met_in_time():
    case = begun()
    case.complete("decide", "2013-06-10T10:00", more=False)
    course = only(case)
    assert clock_words.said(course) == (
        "29 May 2013 + 1 calendar month = 29 June 2013, a Saturday. Act by Friday 28 June 2013."
    )
    assert (clock_words.kind_words(course), clock_words.became(course, at("2014-01-01"))) == (
        "law", "Met on 10 June 2013, in time.",
    )  # fmt: skip
    assert course.numbers(at("2014-01-01")).elapsed == Days(12, 8)


def test_two_extensions_of_which_the_second_is_shorter():
    case = begun()
    tell(case, "2013-06-10T10:00", moved_to=day("2013-09-30"))
    tell(case, "2013-06-11T10:00", moved_to=day("2013-07-31"))
    course = only(case)
    one, other = clock_words.moved(course)
    assert one == (
        "On 10 June 2013 moved from 29 June 2013 to 30 September 2013. "
        "30 September 2013, a Monday: the date given as “moved to”."
    )
    assert other == (
        "On 11 June 2013 moved from 30 September 2013 to 31 July 2013, first on 29 June 2013. "
        "31 July 2013, a Wednesday: the date given as “moved to”."
    )
    assert clock_words.became(course, at("2013-07-01")) == "Runs until 31 July 2013."
    assert clock_words.became(course, at("2013-08-03")) == "Passed on 31 July 2013, 3 days ago, and not met."
    assert course.numbers(at("2013-08-03")).over == 35


def test_an_extension_after_the_date_had_passed_keeps_the_breach():
    case = begun()
    case.take(FireTimers(), "2013-07-01T09:00")
    tell(case, "2013-07-02T10:00", moved_to=day("2013-07-31"))
    case.take(FireTimers(), "2013-08-02T09:00")
    case.complete("decide", "2013-08-05T10:00", more=False)
    course = only(case)
    assert [london_date(b) for b in course.breaches] == [day("2013-06-29"), day("2013-07-31")]
    (moved,) = clock_words.moved(course)
    assert moved.startswith("On 2 July 2013 moved from 29 June 2013 to 31 July 2013, after it had passed. ")
    assert clock_words.became(course, at("2014-01-01")) == "Met on 5 August 2013, 5 days late."
    assert course.numbers(at("2014-01-01")).over == 37


def test_back_dated_beyond_its_limit():
    course = only(begun("2013-03-01"))
    assert [london_date(b) for b in course.breaches] == [day("2013-04-01")]
    assert clock_words.became(course, at("2013-05-29T12:00")) == "Passed on 1 April 2013, 58 days ago, and not met."
    assert clock_words.said(course).startswith("1 March 2013 + 1 calendar month = 1 April 2013, a Monday and a bank")


def test_holds_are_read_from_the_list_the_clock_names():
    case = begun()
    tell(case, "2013-06-20T10:00", holds=[{"from": day("2013-06-03"), "to": day("2013-06-10")}])
    course = only(case)
    assert clock_words.holds_told(course.holds) == ["Held from 3 June 2013 to 10 June 2013."]
    assert clock_words.lasted(course.numbers(at("2013-07-01T10:00"))) == [
        ("Elapsed", "33 days, of them 23 working days"),
        ("Elapsed less holds", "26 days, of them 18 working days"),
        ("Over the original date", "2 days"),
    ]
    tell(case, "2013-06-20T11:00", holds="nothing of the kind")
    assert only(case).holds == ()


def test_a_loop_leaves_the_former_run_and_begins_a_new_one():
    case = begun()
    case.take(FireTimers(), "2013-07-01T09:00")
    case.complete("decide", "2013-07-02T10:00", more=True, came_on=day("2013-07-02"))
    former, now = told(case)
    assert [(c.run, c.key, len(c.breaches), london_date(c.due)) for c in (former, now)] == [
        (1, "limit", 1, day("2013-06-29")), (2, "limit", 0, day("2013-08-02")),
    ]  # fmt: skip
    assert clock_words.became(former, at("2013-07-03")) == "Met on 2 July 2013, 3 days late."
    assert clock_words.said(now).startswith("2 July 2013 + 1 calendar month = 2 August 2013")
    assert clock_words.said(former).startswith("29 May 2013 + 1 calendar month"), "what it saw then, not what is so now"


def test_a_cancelled_case_says_since_when_a_limit_no_longer_applies():
    case = begun()
    case.take(CancelInstance("r"), "2013-06-03T10:00")
    course = only(case)
    assert clock_words.became(course, at("2014-01-01")) == "No longer applies since 3 June 2013."
    assert course.numbers(at("2014-01-01")).elapsed.calendar == 5


def test_a_course_at_an_earlier_step_knows_nothing_of_what_came_later():
    case = begun()
    case.take(FireTimers(), "2013-07-01T09:00")
    tell(case, "2013-07-02T10:00", moved_to=day("2013-07-31"))
    assert (only(case, 1).breaches, len(only(case, 2).settings), len(only(case, 3).settings)) == ([], 1, 2)
    assert told(case, 0) == []


def test_what_counts_from_the_instant_it_is_worked_out_is_told_from_that_day_and_not_from_the_sweep():
    """The worker was down for a month: the second limit began when the first timer was due, not when it was swept."""
    line = a_definition(
        BEGIN, user("wait"), timer("over", "wait", "timeDate", "came_on + days(3)", interrupting=True), user("decide"),
        timer("late", "decide", "timeDate", "working_days_after(now(), 2)", clock="limit", name="Limit"),
        end("e2"), end(), end("e3"), flow("begin", "wait", "end"), flow("over", "decide", "e2"), flow("late", "e3"),
    )  # fmt: skip
    case = Played(line)
    case.start("2026-03-02T09:00", came_on=day("2026-03-02"))
    case.take(FireTimers(), "2026-04-02T09:00")
    course = only(case)
    assert london_date(course.began) == day("2026-03-05")
    assert clock_words.said(course) == (
        "5 March 2026 + 2 working days = 9 March 2026, a Monday, not counting Saturdays and Sundays."
    )
    assert [london_date(b) for b in course.breaches] == [day("2026-03-09")]


def test_each_item_has_a_course_told_from_its_own_fields():
    within = (
        f'<bpmn:subProcess id="within">{each("agencies", "agency")}<bpmn:startEvent id="ws"/>'
        f'{user("secure", role="officer", agency="agency.id")}{end("we")}'
        + timer("late", "secure", "timeDate", "months_after(agency.told_on, agency.months)", clock="secured",
                name="Secured", **{"from": "agency.told_on", "held": "agency.holds"})
        + f'{end("le")}{flow("ws", "secure", "we")}{flow("late", "le")}</bpmn:subProcess>'
    )  # fmt: skip
    case = Played(a_definition(BEGIN, within, end(), flow("begin", "within", "end")))
    rows = [{"id": "gp", "told_on": day("2013-05-29"), "months": 1, "holds": [{"from": "2013-06-01", "to": None}]},
            {"id": "police", "told_on": day("2012-01-31"), "months": 1, "holds": []}]  # fmt: skip
    case.start("2013-05-29T10:00", agencies=rows)
    case.complete("secure", "2013-06-10T10:00", item="gp")
    gp, police = sorted(told(case), key=lambda course: course.key)
    assert (gp.item, gp.name, clock_words.became(gp, at("2013-07-01"))) == (
        "gp", "Secured: gp", "Met on 10 June 2013, in time.",
    )  # fmt: skip
    assert clock_words.said(police).startswith("31 January 2012 + 1 calendar month = 29 February 2012 (February has no")
    numbers = gp.numbers(at("2014-01-01"))
    assert (numbers.elapsed.calendar, numbers.less_holds.calendar) == (12, 3)


def test_a_local_rule_is_told_with_its_value():
    rules = [{"id": "wait", "value": 3, "unit": "working days", "name": "Wait", "about": "How long to wait."}]
    case = Played(a_definition(
        BEGIN, user("wait"), timer("late", "wait", "timeDate", "working_days_after(came_on, local.wait)", clock="limit",
                                   name="Limit", **{"from": "came_on"}),
        end("e2"), end(), flow("begin", "wait", "end"), flow("late", "e2"),
        tables={"processes/local_rules.json": json.dumps(rules)},
    ))  # fmt: skip
    case.start("2013-05-29T10:00", came_on=day("2013-05-29"))
    assert clock_words.said(only(case)) == (
        "29 May 2013 + 3 working days = 3 June 2013, a Monday, not counting Saturdays and Sundays."
    )


def test_a_counter_says_how_often_it_was_asked_and_counts_on():
    case = Played(a_definition(
        BEGIN, user("wait"), timer("ask", "wait", "timeCycle", '"R3/P28D"', clock="answer", name="Answer",
                                   kind="counter"),
        user("enquire"), end("asked"), end(), flow("begin", "wait", "end"), flow("ask", "enquire", "asked"),
    ))  # fmt: skip
    case.start("2026-03-02T09:00")
    case.take(FireTimers(), "2026-04-01T09:00")
    course = only(case)
    assert clock_words.became(course, at("2026-04-01")) == "Goes on; asked 1 time so far, next on 27 April 2026."
    assert (clock_words.said(course), clock_words.moved(course)) == ("", [])
    assert clock_words.kind_words(course) == "no limit, only counted"
    case.take(FireTimers(), "2026-08-01T09:00")
    course = only(case)
    assert clock_words.became(course, at("2026-08-01")) == "Goes on; asked 3 times so far."
    assert course.numbers(at("2026-08-01")).elapsed == Days(152, 105)
    assert not course.overdue(at("2027-01-01"))
    case.complete("wait", "2026-08-03T09:00")
    assert clock_words.became(only(case), at("2027-01-01")) == "Ended on 3 August 2026."


def released(named: str) -> ProcessDefinition:
    return definition_of(json.loads(gzip.decompress((GOLDEN / "definitions" / f"{named}.json.gz").read_bytes())))


def kept(name: str) -> list[Step]:
    found = json.loads((GOLDEN / "states" / "0.1.0" / f"{name}.json").read_text(encoding="utf-8"))
    return [Step(**{**s, "at": values.decode({"$instant": s["at"]}), "events": tuple(s["events"])})
            for s in found["steps"]]  # fmt: skip


@pytest.mark.parametrize("extended", [False, True])
def test_the_histories_of_earlier_releases_have_courses_too(extended):
    (course,) = courses(released, kept("extended" if extended else "breached"))
    assert clock_words.said(course).startswith("29 May 2013 + 1 calendar month = 29 June 2013, a Saturday.")
    assert len(course.settings) == 1 + extended
    assert clock_words.became(course, at("2014-01-01")).startswith("Met on 4 July 2013, ")
