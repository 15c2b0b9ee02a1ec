"""Time limits that explain themselves: each sentence against the calendar by hand, and never a wrong one."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core import calendar, clock_words
from service.core.calendar import end_of_day, london
from service.core.clock_expressions import expression_words
from service.core.clock_numbers import Days, Hold, holds, numbers
from service.core.clock_words import arithmetic
from service.core.expressions import evaluate
from service.core.expressions_grammar import parse

AT = datetime(2013, 6, 20, 9, 0, tzinfo=UTC)

ONE_MONTH = {
    "2011-01-28": "28 February 2011, a Monday.",
    "2011-01-29": "28 February 2011 (February 2011 has no 29th, so its last day), a Monday.",
    "2011-01-30": "28 February 2011 (February has no 30th, so its last day), a Monday.",
    "2011-01-31": "28 February 2011 (February has no 31st, so its last day), a Monday.",
    "2012-01-31": "29 February 2012 (February has no 31st, so its last day), a Wednesday.",
    "2012-02-29": "29 March 2012, a Thursday.",
    "2011-03-31": "30 April 2011 (April has no 31st, so its last day), a Saturday. Act by Thursday 28 April 2011.",
    "2011-05-31": "30 June 2011 (June has no 31st, so its last day), a Thursday.",
    "2011-08-31": "30 September 2011 (September has no 31st, so its last day), a Friday.",
    "2011-10-31": "30 November 2011 (November has no 31st, so its last day), a Wednesday.",
    "2011-12-31": "31 January 2012, a Tuesday.",
    "2013-05-29": "29 June 2013, a Saturday. Act by Friday 28 June 2013.",
}
SIX_AND_SEVEN = [
    ("2011-01-28", "28 July 2011", "28 August 2011"), ("2011-01-29", "29 July 2011", "29 August 2011"),
    ("2011-01-30", "30 July 2011", "30 August 2011"), ("2011-01-31", "31 July 2011", "31 August 2011"),
    ("2012-01-31", "31 July 2012", "31 August 2012"), ("2012-02-29", "29 August 2012", "29 September 2012"),
    ("2011-03-31", "30 September 2011 (September has no 31st, so its last day)", "31 October 2011"),
    ("2011-05-31", "30 November 2011 (November has no 31st, so its last day)", "31 December 2011"),
    ("2011-08-31", "29 February 2012 (February has no 31st, so its last day)", "31 March 2012"),
    ("2011-10-31", "30 April 2012 (April has no 31st, so its last day)", "31 May 2012"),
    ("2011-12-31", "30 June 2012 (June has no 31st, so its last day)", "31 July 2012"),
    ("2013-05-29", "29 November 2013", "29 December 2013"),
]  # fmt: skip
CHAINED = [
    ("2011-01-29", "28 August 2011"), ("2011-01-30", "28 August 2011"), ("2011-01-31", "28 August 2011"),
    ("2012-01-31", "29 August 2012"), ("2011-03-31", "30 October 2011"), ("2011-05-31", "30 December 2011"),
    ("2011-08-31", "30 March 2012"), ("2011-10-31", "30 May 2012"),
]  # fmt: skip


def told(expression: str, *, at: datetime = AT, **names: object) -> str:
    """The sentence of what an expression really gives."""
    return arithmetic(expression, names, due_of(evaluate(expression, names, at=at)), at)


def due_of(value: object) -> datetime:
    return london(value) if isinstance(value, datetime) else end_of_day(value)


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(("start", "result"), ONE_MONTH.items())
def test_one_month_on_is_told_as_the_rule_has_it(start, result):
    sentence = told("months_after(came_on, 1)", came_on=day(start))
    assert sentence == f"{calendar.british(day(start))} + 1 calendar month = {result}"


@pytest.mark.parametrize(("start", "six", "seven"), SIX_AND_SEVEN)
def test_six_and_seven_months_on_are_counted_from_the_start_at_once(start, six, seven):
    for count, result in ((6, six), (7, seven)):
        sentence = told(f"months_after(came_on, {count})", came_on=day(start))
        assert f" + {count} calendar months = {result}, a " in sentence


@pytest.mark.parametrize(("start", "result"), CHAINED)
def test_a_sum_on_a_sum_shows_both_so_that_everybody_sees_it_is_another_date(start, result):
    sentence = told("months_after(months_after(came_on, 1), 6)", came_on=day(start))
    assert sentence.count(" calendar month") == 2
    assert f" + 6 calendar months = {result}" in sentence


SENTENCES = {
    "working_days_after(d, 5)": "20 December 2013 + 5 working days = 31 December 2013, a Tuesday, not counting "
    "Saturdays, Sundays and the bank holidays on 25 December 2013 and 26 December 2013.",
    "working_days_after(d, 1)": "20 December 2013 + 1 working day = 23 December 2013, a Monday, not counting "
    "Saturdays and Sundays.",
    "working_days_after(date(2013, 12, 23), 1)": "23 December 2013 + 1 working day = 24 December 2013, a Tuesday.",
    "working_days_after(date(2013, 12, 31), 1)": "31 December 2013 + 1 working day = 2 January 2014, a Thursday, not "
    "counting the bank holiday on 1 January 2014.",
    "d + days(10)": "20 December 2013 + 10 days = 30 December 2013, a Monday.",
    "weeks(2) + d": "20 December 2013 + 14 days = 3 January 2014, a Friday.",
    "d - days(1)": "20 December 2013 − 1 day = 19 December 2013, a Thursday.",
    "d + months(2)": "20 December 2013 + 2 calendar months = 20 February 2014, a Thursday.",
    "d + years(1)": "20 December 2013 + 12 calendar months = 20 December 2014, a Saturday. "
    "Act by Friday 19 December 2014.",
    "end_of_day(d)": "20 December 2013, a Friday: the date given as “d”.",
    "end_of_day(agreed_on) if agreed_on is not None else months_after(d, 6)": "31 March 2014, a Monday: "
    "the date given as “agreed on”.",
    "end_of_day(none) if none is not None else months_after(d, 6)": "20 December 2013 + 6 calendar months = "
    "20 June 2014, a Friday.",
    "agreed_on or months_after(d, 6)": "31 March 2014, a Monday: "
    "the date given as “agreed on”.",
    "none or months_after(d, 1)": "20 December 2013 + 1 calendar month = 20 January 2014, a Monday.",
    "later(months_after(d, 1), agreed_on, none)": "the later of 20 January 2014 and 31 March 2014 = 31 March 2014, "
    "a Monday.",
    "later(agreed_on, none)": "31 March 2014, a Monday: "
    "the date given as “agreed on”.",
    "earlier(months_after(d, 1), agreed_on)": "20 December 2013 + 1 calendar month = 20 January 2014; "
    "the earlier of 20 January 2014 and 31 March 2014 = 20 January 2014, a Monday.",
    "act_by(months_after(d, 12))": "20 December 2013 + 12 calendar months = 20 December 2014; the last working day on "
    "or before 20 December 2014 = 19 December 2014, a Friday.",
    "working_days_after(months_after(d, 1), 2)": "20 December 2013 + 1 calendar month = 20 January 2014; "
    "20 January 2014 + 2 working days = 22 January 2014, a Wednesday.",
    "working_days_after(now(), limit.length)": "20 June 2013 + 2 working days = 24 June 2013, a Monday, not counting "
    "Saturdays and Sundays.",
    "limit.until": "1 May 2014, a Thursday: the date given as “limit until”.",
    "clocks.decision.due": "1 May 2014, a Thursday: the date given as “decision due”.",
    "months_after(d, 1 if late else 2)": "20 December 2013 + 1 calendar month = 20 January 2014, a Monday.",
    "months_after(max([row.on for row in rows]), 1)": "2 May 2014 + 1 calendar month = 2 June 2014, a Monday.",
    "max([row.on for row in rows])": "2 May 2014, a Friday: worked out as “max([row.on for row in rows])”.",
    "today() + days(3)": "20 June 2013 + 3 days = 23 June 2013, a Sunday. Act by Friday 21 June 2013.",
    "now() + timedelta(hours=36)": "20 June 2013 + 36 hours = 21 June 2013, a Friday, at 10pm.",
    "datetime(2013, 7, 1, 14, 30)": "1 July 2013, a Monday, at 2:30pm: worked out as "
    "“datetime(2013, 7, 1, 14, 30)”.",
    "date(2013, 7, 1)": "1 July 2013, a Monday: a date written in the diagram.",
    "months_after(date(2013, 4, 6), 1)": "6 April 2013 + 1 calendar month = 6 May 2013, a Monday and a bank holiday. "
    "Act by Friday 3 May 2013.",
}  # fmt: skip


@pytest.mark.parametrize(("expression", "sentence"), SENTENCES.items(), ids=list(SENTENCES))
def test_every_function_and_form_is_told(expression, sentence):
    names = {
        "d": day("2013-12-20"), "agreed_on": day("2014-03-31"), "none": None, "late": True,
        "limit": {"length": 2, "until": day("2014-05-01")},
        "clocks": {"decision": {"due": day("2014-05-01")}},
        "rows": [{"on": day("2014-05-02")}, {"on": day("2014-04-02")}],
    }  # fmt: skip
    assert told(expression, **names) == sentence


def test_a_length_of_time_counts_from_when_it_was_armed():
    assert arithmetic('"P10D"', {}, AT + timedelta(days=10), AT) == (
        "20 June 2013 + 10 days = 30 June 2013, a Sunday, at 10am. Act by Friday 28 June 2013."
    )


@pytest.mark.parametrize(
    "expression", ["months_after(d, 1)", "d + days(3)", "max(d, e)", "d", '"P3D"', "broken(", "", "gone"]
)
def test_a_date_that_the_expression_does_not_give_is_told_without_a_sum(expression):
    """As of a limit whose variables were put right in the same step: the date is so, and the sum would be wrong."""
    names = {"d": day("2013-12-20"), "e": day("2013-12-21")}
    sentence = arithmetic(expression, names, end_of_day(day("2014-02-03")), AT)
    assert sentence.startswith("3 February 2014, a Monday")
    assert "=" not in sentence
    assert sentence.endswith(".")


def test_a_notice_in_the_hour_that_comes_twice_is_of_its_london_day():
    for text in ("2013-10-27T00:30:00+00:00", "2013-10-27T01:30:00+00:00"):
        sentence = told("months_after(came_at, 1)", came_at=datetime.fromisoformat(text))
        assert sentence == "27 October 2013 + 1 calendar month = 27 November 2013, a Wednesday."
    late = datetime.fromisoformat("2013-06-30T23:50:00+00:00")  # ten to one in the morning by London's clocks
    assert told("months_after(came_at, 1)", came_at=late).startswith("1 July 2013 + 1 calendar month = 1 August 2013")


DAYS = st.dates(date(2010, 1, 1), date(2030, 12, 31))
TREES = st.recursive(
    st.sampled_from(["a", "b", "now()", "date(2020, 2, 29)", "end_of_day(a)"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.integers(0, 14)).map(lambda t: f"months_after({t[0]}, {t[1]})"),
        st.tuples(inner, st.integers(1, 30)).map(lambda t: f"working_days_after({t[0]}, {t[1]})"),
        st.tuples(inner, st.integers(-40, 40)).map(lambda t: f"({t[0]} + days({t[1]}))"),
        st.tuples(inner, inner).map(lambda t: f"later({t[0]}, {t[1]})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]} if a < b else {t[1]})"),
        inner.map(lambda t: f"act_by({t})"),
    ),
    max_leaves=5,
)
SUM = re.compile(r"(\d+ \w+ \d{4}) ([+−]) ([\d,]+) (calendar month|working day|day|hour)s? = (\d+ \w+ \d{4})")


def read(text: str) -> date:
    number, month, year = text.split()
    return date(int(year), calendar.MONTHS.index(month) + 1, int(number))


@settings(max_examples=150, deadline=None)
@given(TREES, DAYS, DAYS)
def test_no_sentence_is_ever_wrong(expression, a, b):
    """Every sum a sentence holds is done again by hand, and the last date it names is the one that is due."""
    due = due_of(evaluate(expression, {"a": a, "b": b}, at=AT))
    sentence = arithmetic(expression, {"a": a, "b": b}, due, AT)
    assert calendar.british(due) in sentence
    sums = SUM.findall(sentence)
    assert len(sums) >= sentence.count(" + ") + sentence.count(" − ")
    for start, sign, number, unit, result in sums:
        first, count = read(start), int(number.replace(",", ""))
        count = -count if sign == "−" else count
        assert result == calendar.british({
            "calendar month": calendar.corresponding_date, "day": lambda f, n: f + timedelta(days=n),
            "working day": lambda f, n: calendar.working_days_after(f, n).date(),
        }[unit](first, count)), sentence  # fmt: skip
    assert ("Act by" in sentence) is not calendar.is_working_day(due)


def test_an_expression_in_plain_words():
    assert expression_words(parse("months_after(came_on, 1) if late is None else end_of_day(late)")) == (
        "came on + 1 calendar month if late is not known, otherwise the end of late"
    )
    assert expression_words(parse("later(a, b, clocks.one.due) + days(2) or sorted(rows)[0]")) == (
        "the latest of a, b and one due + 2 days or sorted(rows)[0]"
    )
    assert len(expression_words(parse(f"later({', '.join(['a_rather_long_name_of_a_day'] * 9)})"))) <= 202


# --- the three numbers ----------------------------------------------------------------------------------------------

START, END = day("2013-05-29"), day("2013-07-10")


def test_days_are_counted_without_the_day_of_the_start():
    found = numbers(START, END, day("2013-06-29"))
    assert (found.elapsed, found.less_holds, found.over) == (Days(42, 30), Days(42, 30), 11)
    assert calendar.london_date(calendar.working_days_after(START, 30)) == END
    assert numbers(START, START, START).elapsed == Days(0, 0)
    assert numbers(END, START, START).elapsed == Days(0, 0)
    assert numbers(START, END, None).over == 0
    assert numbers(START, day("2013-06-29"), day("2013-06-29")).over == 0


def test_holds_are_taken_off_once_and_cut_to_the_run():
    held = holds([
        {"from": "2013-06-10", "to": "2013-06-20"}, {"from": day("2013-06-15"), "to": day("2013-06-25")},
        {"from": day("2013-05-01"), "to": day("2013-06-01")}, {"from": day("2013-07-08"), "to": None},
    ])  # fmt: skip
    found = numbers(START, END, day("2013-06-29"), held)
    assert found.held.calendar == 15 + 3 + 2
    assert found.less_holds == Days(42 - 20, found.elapsed.working - found.held.working)
    assert clock_words.holds_told(held[1:2]) == ["Held from 10 June 2013 to 20 June 2013."]
    assert clock_words.holds_told(held[3:]) == ["Held since 8 July 2013."]


def test_rows_that_tell_of_no_hold_are_passed_over():
    rows = [{"from": None, "to": None}, {"to": day("2013-06-01")}, "x", {"from": "soon"}, {"from": START, "to": "then"},
            {"from": END, "to": START}, {"from": datetime(2013, 6, 1, 23, 30, tzinfo=UTC)}]  # fmt: skip
    assert holds(rows) == (Hold(day("2013-06-02"), None),)
    assert holds(None) == holds("x") == ()


def test_a_hold_that_ended_before_the_start_or_began_after_the_end_takes_nothing_off():
    held = (Hold(day("2013-01-01"), day("2013-02-01")), Hold(day("2014-01-01"), None))
    assert numbers(START, END, None, held).held == Days(0, 0)
