"""Documents are what the definition says, from the case as it stood, for one reader; what people wrote is only text."""

import csv
import io
import json
from dataclasses import replace

import html5lib
import pytest

from documented import ALL, ANSWERS, PAPERS, RETURN, STATEMENT, a_case, a_document, a_table, a_text, files, when
from service.core.definitions import definition_of
from service.core.documents import as_csv, as_html, building, expected, returns
from service.core.documents.as_text import text_of
from service.core.documents.facts import Facts, Record, case_facts
from service.core.errors import DocumentBroken, DocumentNotReady, NotAllowed, NotFound
from service.core.playing import actor

NASTY = '<script>alert("x")</script> {decision} & \'quote\' #read("a")'


def made(document, player=None, who=None, **changed):
    player = player or a_case(document | changed, *(d for d in ALL if d["id"] != document["id"]))
    return building.build(player.facts(who and actor(who)), document["id"])


def said(document, **kwargs):
    return text_of(made(document, **kwargs))


def section(**parts):
    return STATEMENT | {"sections": [{"heading": "S", **parts}]}


class TestTexts:
    def test_say_dates_numbers_and_choices_in_words(self):
        text = said(STATEMENT)
        assert "The work: Felling" in text
        assert "Due on 29 June 2013." in text
        assert "Decided on 2 July 2013, 3 days later." in text

    def test_say_what_is_not_known(self):
        assert "The outcome is Granted. More time: not known." in said(STATEMENT)
        assert "The outcome is not known." in text_of(made(STATEMENT, a_case(STATEMENT, decided=False)))

    def test_leave_out_what_does_not_hold(self):
        assert "Only when refused" not in said(STATEMENT)
        assert "Decided on" not in text_of(made(STATEMENT, a_case(STATEMENT, decided=False)))

    def test_name_case_step_instant_clause_and_draft(self):
        text = said(STATEMENT)
        assert text.startswith("Statement\nFinal\nApplication: TW-1\nClause: 2\n")
        assert "\nAs it stood: after step 5, 2 July 2013, 10am\n" in text
        assert "\nDraft\n" in text_of(made(STATEMENT, a_case(STATEMENT, decided=False)))
        assert "\nDraft\n" in said(STATEMENT, draft_while="decision == 'grant'")

    def test_name_nobody(self):
        assert "ann" not in said(STATEMENT).lower().replace("planned", "")

    def test_that_cannot_be_worked_out_are_refused_without_a_value(self):
        with pytest.raises(DocumentBroken) as refused:
            said(section(text="{work + 3}"))
        assert "work + 3" in refused.value.message
        assert "felling" not in refused.value.message

    def test_are_the_same_for_the_same_step(self):
        first, second = (made(STATEMENT, a_case(STATEMENT)) for _ in range(2))
        assert as_html.whole(first) == as_html.whole(second)
        assert [as_csv.csv_of(t) for t in first.tables()] == [as_csv.csv_of(t) for t in second.tables()]


class TestTables:
    def test_show_records_with_columns_from_questions_and_expressions(self):
        assert "Why is the decision late? | Step\nShort of staff. | 4" in said(STATEMENT)

    def test_keep_only_the_rows_that_are_asked_for(self):
        table = {"form": "late_reason", "columns": ["reason"], "only": "reason == 'Something else'"}
        assert "Short of staff." not in said(section(table=table))
        assert "Nobody knows." in said(section(table=table, none="Nobody knows."))

    def test_count_what_the_reader_may_not_read_and_show_nothing_of_it(self):
        text = said(STATEMENT, who="clerk")
        assert "1 record is not shown to you." in text
        assert "Short of staff." not in text
        assert "Short of staff." in said(STATEMENT, who="officer")

    def test_a_list_closed_to_the_reader_is_not_shown(self):
        player = a_case(section(table={"variable": "rows", "columns": [{"field": "id", "label": "Id"}]}))
        facts = player.facts()
        case = replace(facts.case, variables={**facts.case.variables, "rows": [{"id": "secret"}]})
        opened = building.build(replace(facts, case=case), "statement")
        assert "secret" in text_of(opened)
        shut = building.build(replace(facts, case=case, closed=frozenset({"rows"})), "statement")
        assert "secret" not in text_of(shut)
        assert shut.hidden == 1

    def test_are_refused_where_they_must_be_complete(self):
        with pytest.raises(NotAllowed, match="1 record is not shown to you"):
            made(STATEMENT, who="clerk", complete=True)
        assert made(STATEMENT, who="officer", complete=True)

    def test_show_the_newest_answers_in_words(self):
        assert "Where is the tree? | 1 Oak Road\nWhat work is asked for? | Felling" in said(ANSWERS)


RULE = {
    "id": "visit", "when": "decision == 'grant'", "kind": "departure", "field": "decision", "clause": "2",
    "message": "The guidance asks for a visit, and there was none.",
}  # fmt: skip
DEPARTS = {"reasons": "The tree had fallen over in the night already.", "effect": "Pictures", "until": "2013-08-01"}


class TestDepartures:
    def facts(self, who=None):
        kept = files(section(departures=True, none="None."))
        form = json.loads(kept["forms/decision.json"]) | {"rules": [RULE]}
        player = a_case(decided=False)
        player.definition = definition_of(kept | {"forms/decision.json": json.dumps(form)})
        answers = {"decision": "grant", "reasons": "Unsafe."}
        player.complete("decide", None, "officer", answers, when(7, 2), DEPARTS)
        return player.facts(who and actor(who))

    def test_are_listed_with_reasons_and_what_was_done_instead(self):
        text = text_of(building.build(self.facts(), "statement"))
        row = ("1", "2 July 2013", "2", RULE["message"], DEPARTS["reasons"], "Pictures", "1 August 2013")
        assert " | ".join(row) in text

    def test_words_the_reader_may_not_read_are_counted(self):
        text = text_of(building.build(self.facts("clerk"), "statement"))
        assert "1 record is not shown to you." in text
        assert "fallen over" not in text

    def test_none_are_said_to_be_none(self):
        assert "None." in said(section(departures=True, none="None."))


PAID = [
    ("pruning", 100, "North"), ("felling", 250, "South"), ("pruning", 50, "South"), ("felling", None, "South"),
]  # fmt: skip


def ledger(**more):
    form = {
        "title": "Cost", "access": "decision", "components": [
            {"type": "radio", "key": "kind", "label": "Kind", "values": [
                {"label": "Pruning", "value": "pruning"}, {"label": "Felling", "value": "felling"}]},
            {"type": "number", "key": "cost", "label": "Cost"}, {"type": "textfield", "key": "place", "label": "Place"},
        ],
    }  # fmt: skip
    columns = ["kind", {"field": "cost", "unit": "£"}, "place"]
    document = section(table={"form": "cost", "columns": columns, **more})
    definition = definition_of(files(document) | {"forms/cost.json": json.dumps(form)})
    player = a_case(document)
    records = [
        Record(n, when(6, n), "cost", None, {"kind": k, "cost": c, "place": p}) for n, (k, c, p) in enumerate(PAID, 1)
    ]
    facts = replace(player.facts(), definition=definition, records=records)
    (table,) = building.build(facts, "statement").tables()
    return [[cell.text for cell in row] for row in (*table.rows, *([table.total] if table.total else []))]


class TestSums:
    def test_of_rows(self):
        assert ledger(sum=["cost"])[-1] == ["Total", "£400", ""]

    def test_of_groups_with_shares(self):
        rows = ledger(columns=["kind", {"field": "cost", "unit": "£"}], by=["kind"], sum=["cost"], share="cost")
        assert rows == [
            ["Felling", "2", "£250", "62.5%"], ["Pruning", "2", "£150", "37.5%"], ["Total", "4", "£400", "100.0%"],
        ]  # fmt: skip

    def test_rows_stand_in_the_order_asked_for_and_what_is_missing_last(self):
        assert [row[1] for row in ledger(order=["cost"])] == ["£50", "£100", "£250", ""]


class TestTimeLimits:
    def test_say_how_they_were_worked_out_what_became_of_them_and_three_numbers(self):
        assert (
            "Decision | law | 29 May 2013 + 1 calendar month = 29 June 2013, a Saturday. Act by Friday 28 June 2013. | "
            "Met on 2 July 2013, 3 days late. | 34 | 34 | 3"
        ) in said(STATEMENT)

    def test_run_on_to_the_instant_of_the_step(self):
        text = text_of(made(STATEMENT, a_case(STATEMENT, decided=False)))
        assert "Passed on 29 June 2013, 2 days ago, and not met. | 33 | 33 | 2" in text

    def test_clocks_that_never_began_are_known_to_expressions(self):
        player = a_case(section(text="Due {clocks.decision.due}, missed: {clocks.decision.breached}."))
        first = player.steps[:1]
        facts = Facts(case_facts("TW-1", player.definition, first, {}), player.definition, "", first, [])
        assert "Due not known, missed: no." in text_of(building.build(facts, "statement"))


class TestWhatMayBeTaken:
    def test_a_document_can_be_refused_until_it_is_ready(self):
        with pytest.raises(DocumentNotReady, match="Nothing was decided yet"):
            made(PAPERS, a_case(decided=False))
        assert made(PAPERS).members == ("statement", "answers")

    def test_unknown_documents_are_not_found(self):
        facts = a_case().facts()
        for name in ("nothing", "figures"):
            with pytest.raises(NotFound):
                building.build(facts, name)
        with pytest.raises(NotFound):
            returns.build(returns.Asked(facts.definition, 2013, when(7, 2).date(), ()), "statement")


def figures(*cases, year=2013, document=RETURN, on=None):
    definition = a_case(document).definition
    asked = returns.Asked(definition, year, on or when(7, 3).date(), [c.facts().case for c in cases])
    made = returns.build(asked, "figures")
    return made, {row[0].text: row[1].text for row in next(made.tables()).rows}


class TestReturns:
    def test_count_over_cases(self):
        _, found = figures(a_case(), a_case(), a_case(decided=False))
        assert found == {"Begun": "3", "Granted": "2", "Given more time": "0", "Days, median": "34 days"}

    def test_count_only_the_year_that_was_asked_for(self):
        made, found = figures(a_case(), year=2014)
        assert (made.title, found["Begun"], found["Granted"]) == ("Figures for 2014", "0", "0")

    def test_say_so_where_there_is_nothing_to_take_the_median_of(self):
        assert figures(a_case(decided=False))[1]["Days, median"] == "none"

    def test_list_cases_with_choices_in_words(self):
        made, _ = figures(a_case())
        assert "TW-1 | Grant it | 34 days" in text_of(made)
        assert "The year is 2013." in text_of(made)

    def test_a_figure_that_cannot_be_worked_out_is_refused_not_counted_as_nothing(self):
        wrong = {"heading": "Figures", "counts": [{"label": "Wrong", "count": "work > 3"}]}
        with pytest.raises(DocumentBroken, match="work > 3"):
            figures(a_case(), document=RETURN | {"sections": [wrong]})

    def test_are_drafts_until_the_year_is_over(self):
        assert figures(a_case())[0].draft
        assert not figures(a_case(), on=when(1, 1).replace(year=2014).date())[0].draft


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1+1", "\r=1", "＝1+1", "|cmd", "%x", "'=1")


class TestCsv:
    @pytest.mark.parametrize("text", FORMULAS)
    def test_no_text_is_run_as_a_formula(self, text):
        written = as_csv.csv_of(a_table((text, "x"), columns=(text, "B"))).decode("utf-8-sig")
        (head, row) = csv.reader(io.StringIO(written, newline=""))
        assert (head[0], row[0]) == ("'" + text, "'" + text)

    def test_numbers_stay_numbers_and_other_texts_as_they_are(self):
        written = as_csv.csv_of(a_table(('plain, “q” "x"\nline', -12), hidden=2)).decode("utf-8-sig")
        assert list(csv.reader(io.StringIO(written, newline="")))[1:] == [
            ['plain, “q” "x"\nline', "-12"], ["2 records are not shown to you."],
        ]  # fmt: skip

    def test_a_formula_in_a_record_reaches_the_file_harmless(self):
        document = made(STATEMENT, a_case(reason='=HYPERLINK("http://evil.invalid")'))
        assert b"\"'=HYPERLINK(" in as_csv.csv_of(next(document.tables()))


class TestHtml:
    def test_everything_people_wrote_is_text(self):
        document = a_document(a_text(NASTY), a_table((NASTY, NASTY), columns=(NASTY, "B")), title=NASTY, heading=NASTY)
        tree = html5lib.parse(as_html.whole(document), namespaceHTMLElements=False)
        assert list(tree.iter("script")) == []
        for tag in ("h1", "h2", "p", "td", "th"):
            assert NASTY in ["".join(e.itertext()) for e in tree.iter(tag)]

    def test_is_strict_and_loads_nothing(self):
        text = as_html.whole(made(STATEMENT)).decode()
        html5lib.HTMLParser(strict=True).parse(text)
        assert not any(word in text for word in ("src=", "href=", "url("))

    def test_tables_have_captions_and_headings_of_columns_and_rows(self):
        tree = html5lib.parse(as_html.whole(made(STATEMENT)), namespaceHTMLElements=False)
        for table in tree.iter("table"):
            assert "".join(table.find("caption").itertext())
            assert all(e.get("scope") == "col" for e in table.find("thead").iter("th"))
            assert [e.get("scope") for row in table.find("tbody").iter("tr") for e in row.iter("th")] == ["row"] * len(
                list(table.find("tbody").iter("tr"))
            )
        ids = [e.get("id") for e in tree.iter() if e.get("id")]
        assert len(ids) == len(set(ids))


class TestExpectations:
    FACTS = a_case().facts()

    @pytest.mark.parametrize(
        ("wanted", "failure"),
        [
            ({"says": "Short of staff."}, None),
            ({"says": ["Short of staff.", "29 June 2013"], "lacks": "refused", "draft": False}, None),
            ({"says": "Long of staff."}, "does not say"),
            ({"lacks": "Short of staff."}, "which it should not"),
            ({"draft": True}, "no draft"),
            ({"refused": "yet"}, "should have been refused"),
            ({"document": "none"}, "was refused: There is no such document"),
            ({"document": "figures", "says": "Begun | 1"}, None),
            ({"document": "figures", "year": 2012, "says": "Begun | 0"}, None),
        ],
    )
    def test_of_a_document(self, wanted, failure):
        found = expected.differences(self.FACTS, {"document": "statement", **wanted}, None)
        assert (failure in found[0]) if failure else found == []

    def test_of_who_takes_it(self):
        player = a_case()
        refused = {"document": "statement", "refused": "may not take"}
        assert expected.differences(player.facts(), refused, actor("auditor")) == []
        wanted = {"document": "statement", "says": "1 record is not shown to you."}
        assert expected.differences(player.facts(actor("clerk")), wanted, actor("clerk")) == []
