"""The gate on documents: what could not be made is refused, in words; what is right passes; nothing makes it fail."""

import json
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from documented import ALL, ANSWERS, PAPERS, RETURN, STATEMENT, files
from service.core import gate

TABLE = {"form": "late_reason", "columns": ["reason"]}


def findings(document, *others, name=None):
    kept = files(*(others or [d for d in ALL if d["id"] != document.get("id")]))
    return gate.check(kept | {f"processes/documents/{name or document['id']}.json": json.dumps(document)})


def told(document, **kwargs):
    return " ".join(f.message for f in findings(document, **kwargs) if f.rule == "document")


def with_section(**parts):
    return STATEMENT | {"sections": [{"heading": "S", **parts}]}


def test_right_documents_pass():
    assert gate.check(files()) == []


WRONG = [
    (STATEMENT | {"id": "other"}, "must be the name of the file", "statement"),
    (STATEMENT | {"of": "nothing"}, "“of” must be", None),
    (STATEMENT | {"colour": "red"}, "cannot have “colour”", None),
    ({k: v for k, v in STATEMENT.items() if k != "title"}, "needs “title”", None),
    (STATEMENT | {"roles": ["nobody"]}, "“nobody”, which does not exist", None),
    (STATEMENT | {"roles": []}, "needs “roles”", None),
    (STATEMENT | {"formats": ["html", "docx"]}, "“docx”, which does not exist", None),
    (STATEMENT | {"formats": ["pdf"]}, "must name “html”", None),
    (STATEMENT | {"formats": ["html", "zip"]}, "“zip” is for a document that lists", None),
    (PAPERS | {"formats": ["html"]}, "“zip” is for a document that lists", None),
    (STATEMENT | {"clause": "99"}, "“99”, which does not exist", None),
    (STATEMENT | {"when": "decision == 'grant'"}, "needs “when_not”", None),
    (STATEMENT | {"draft_while": "decisoin == 'grant'"}, "looks at “decisoin”", None),
    (STATEMENT | {"complete": "yes"}, "“complete” of a document is not written", None),
    (with_section(text="{decision"), "braces", None),
    (with_section(text="{wurk}"), "looks at “wurk”, which nothing sets", None),
    (with_section(text="{work +}"), "cannot be worked out", None),
    (with_section(text="{clocks.desicion.due}"), "“clocks.desicion”, which does not exist", None),
    (with_section(text="{steps.chek}"), "“steps.chek”, which does not exist", None),
    (with_section(text="{local.days_more}"), "“local.days_more”, which does not exist", None),
    (with_section(text=[{"when": "wurk", "text": "x"}]), "looks at “wurk”", None),
    (with_section(text=[{"if": "work"}]), "cannot have “if”", None),
    (with_section(when="wurk"), "looks at “wurk”", None),
    (with_section(table=TABLE | {"form": "none"}), "over the form “none”, which does not exist", None),
    (with_section(table=TABLE | {"list": "rows"}), "with the list “rows”, which does not exist", None),
    (with_section(table=TABLE | {"columns": ["raeson"]}), "“raeson” is not a question", None),
    (with_section(table=TABLE | {"columns": [{"value": "raeson", "label": "L"}]}), "looks at “raeson”", None),
    (with_section(table=TABLE | {"columns": [{"value": "reason"}]}), "needs a “label”", None),
    (with_section(table=TABLE | {"columns": [{"field": "reason", "as": "decision.none"}]}), "no such question", None),
    (with_section(table=TABLE | {"only": "raeson == 1"}), "looks at “raeson”", None),
    (with_section(table=TABLE | {"sum": ["cost"]}), "“sum” names the column “cost”", None),
    (with_section(table=TABLE | {"by": ["kind"]}), "“by” names the column “kind”", None),
    (with_section(table=TABLE | {"share": "cost"}), "“share” names the column “cost”", None),
    (with_section(table=TABLE | {"order": ["cost"]}), "“order” names the field “cost”", None),
    (with_section(table=TABLE | {"which": "some"}), "“which” must be", None),
    (with_section(table=TABLE | {"variable": "work"}), "not over both", None),
    (with_section(table={"variable": "wurk", "columns": ["id"]}), "over the variable “wurk”, which nothing sets", None),
    (with_section(answers={"form": "application", "fields": ["adress"]}), "“adress” is not a question", None),
    (with_section(clocks=["desicion"]), "The clocks name “desicion”", None),
    (with_section(steps=["chek"]), "The steps name “chek”", None),
    (with_section(decisions=["D"]), "The decisions name “D”", None),
    (with_section(holds="wholes"), "The holds name the variable “wholes”", None),
    (with_section(counts=[]), "has no place in a document of a case", None),
    (RETURN | {"sections": [{"heading": "S", "table": TABLE}]}, "has no place in a document of all cases", None),
    (RETURN | {"sections": [{"heading": "S", "counts": [{"label": "L"}]}]}, "a “count” or a “median”", None),
    (RETURN | {"sections": [{"heading": "S", "counts": [{"label": "L", "count": "wurk"}]}]}, "looks at “wurk”", None),
    (RETURN | {"sections": [{"heading": "S", "cases": {"columns": [{"label": "L", "value": "wurk"}]}}]},
     "looks at “wurk”", None),
    (PAPERS | {"sections": [{"heading": "S", "documents": ["none"]}]}, "names the document “none”", None),
    (PAPERS | {"sections": [{"heading": "S", "documents": ["figures"]}]}, "cannot be part of a package", None),
    (PAPERS | {"roles": ["officer", "clerk"]}, "must be among the roles of “answers”", None),
]  # fmt: skip


@pytest.mark.parametrize(("document", "words", "name"), WRONG, ids=[w for _, w, _ in WRONG])
def test_what_could_not_be_made_is_refused(document, words, name):
    assert words in told(document, name=name)


PARTS = ("heading", "text", "table", "form", "columns", "field", "value", "steps", "documents", "counts", "cases", "x")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(PARTS), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(data=st.data(), wrong=JSON)
def test_any_json_in_any_place_gives_findings_and_never_fails(data, wrong):
    document = deepcopy(data.draw(st.sampled_from([STATEMENT, PAPERS, RETURN, ANSWERS])))
    holder = document
    while True:
        key = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        if not isinstance(holder[key], dict | list) or not holder[key] or data.draw(st.booleans()):
            break
        holder = holder[key]
    holder[key] = wrong
    kept = files() | {"processes/documents/statement.json": json.dumps(document)}
    assert isinstance(gate.check(kept), list)
