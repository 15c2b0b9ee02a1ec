"""Documents of a deployment: whether each can be made, of names, forms, clocks and steps that are there.

Every expression is read, and every name in it has to be set somewhere, so that no document says “not known” for a
slip of the keyboard.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from service.core.documents.tables import question_at
from service.core.forms_shape import components_of, key_of, questions
from service.core.gate import formulas, names
from service.core.gate.document_shapes import Known, Said, expression, listed, shape, text_problems
from service.core.gate.finding import Finding
from service.core.gate.model import Bundle

PATH = re.compile(r"(?:.*/)?processes/documents/[^/]+\.json")
ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
FORMATS = {"html", "csv", "pdf", "zip"}
KINDS = {"case", "all cases"}
WHOLE = frozenset({"year", "local"})
OF_A_CASE = {"table", "answers", "clocks", "departures", "holds", "decisions", "steps", "documents"}
OF_ALL = {"cases", "counts"}
NOT_OF = {"case": OF_ALL, "all cases": OF_A_CASE | {"when"}}
"""What a section may not hold in a document of each kind."""


def findings(bundle: Bundle, outputs: Iterator[str]) -> Iterator[Finding]:
    """Yield what is wrong with the documents of a deployment."""
    kept = {path: value for path, value in bundle.json.items() if PATH.fullmatch(path)}
    if not kept:
        return
    known = _known(bundle, outputs, kept)
    for path, value in kept.items():
        told = dict.fromkeys(_document(value, PurePosixPath(path).stem, known))
        yield from (Finding(path, None, None, "error", "document", f"{said}.", "Correct it.") for said in told)


def _known(bundle: Bundle, outputs: Iterator[str], kept: Mapping[str, object]) -> Known:
    nodes = [node for scope in bundle.running for node in scope.nodes.values()]
    decisions = (d.get("id", "") for table in bundle.tables for d in table.root.iterfind(".//{*}decision"))
    documents = {PurePosixPath(path).stem: value for path, value in kept.items() if isinstance(value, Mapping)}
    return Known(
        variables=names.set_somewhere(bundle, outputs) | {"rule_set"},
        clocks=frozenset(n.properties()["clock"] for n in nodes if "clock" in n.properties()),
        steps=frozenset(n.id for n in nodes), decisions=frozenset(decisions),
        local=_ids(bundle.named("local_rules.json")), roles=_ids(bundle.named("roles.json")),
        clauses=_ids(bundle.named("clauses.json")),
        forms={key: form for key, form in bundle.forms().items() if isinstance(form, Mapping) and _whole(form)},
        documents=documents,
    )  # fmt: skip


def _whole(holder: Mapping[str, Any]) -> bool:
    """Whether a form can be read at all: what is wrong with it otherwise is told elsewhere."""
    inner = holder.get("components") or []
    return isinstance(inner, list) and all(isinstance(each, Mapping) and _whole(each) for each in inner)


def _ids(rows: object) -> frozenset[str]:
    found = rows if isinstance(rows, list) else []
    return frozenset(str(row.get("id")) for row in found if isinstance(row, Mapping))


def _document(value: Any, stem: str, known: Known) -> Said:
    wrong = list(shape("document", value))
    yield from wrong
    if wrong:
        return
    if value["id"] != stem or not ID.fullmatch(stem):
        yield f"The id “{value['id'][:40]}” must be the name of the file: small letters, digits and _"
    if value["of"] not in KINDS:
        yield "“of” must be “case” or “all cases”"
        return
    yield from listed("The roles name", value["roles"], known.roles)
    yield from listed("The clauses name", value.get("clause", "").split(), known.clauses)
    yield from listed("The formats name", value["formats"], frozenset(FORMATS))
    yield from (f"“{name}” has no place in a document of all cases" for name in _misplaced(value, value["of"]))
    scope = known.variables | CASE if value["of"] == "case" else WHOLE
    for name in ("when", "draft_while"):
        yield from expression(value.get(name), scope, known)
    if "when" in value and "when_not" not in value:
        yield "A document with “when” needs “when_not”: the sentence that refuses it"
    for section in value["sections"]:
        yield from _section(section, value, scope, known)
    yield from _formats(value)


CASE = frozenset({"clocks", "case", "steps", "local", "departures"})
RETURNED = frozenset({"clocks", "case", "local", "year"})


def _misplaced(value: Mapping[str, Any], of: str) -> Iterator[str]:
    return (name for name in value if name in NOT_OF[of])


def _formats(value: Mapping[str, Any]) -> Said:
    sections = [s for s in value["sections"] if isinstance(s, Mapping)]
    if "html" not in value["formats"]:
        yield "Every document can be read as a page: its formats must name “html”"
    if "csv" in value["formats"] and not any(set(s) & TABLES for s in sections):
        yield "A document without a table cannot be had as “csv”"
    if ("zip" in value["formats"]) != any("documents" in s for s in sections):
        yield "“zip” is for a document that lists “documents”, and for no other"


TABLES = OF_A_CASE | OF_ALL


def _section(section: Any, value: Mapping[str, Any], scope: frozenset[str], known: Known) -> Said:
    wrong = list(shape("section", section))
    yield from wrong
    if wrong:
        return
    yield from (
        f"“{name}” has no place in a document of {'a case' if value['of'] == 'case' else 'all cases'}"
        for name in _misplaced(section, value["of"])
    )
    yield from expression(section.get("when"), scope, known)
    for text in (section["heading"], section.get("none", "")):
        yield from text_problems(text, scope, known)
    for part in [section["text"]] if isinstance(section.get("text"), str) else section.get("text", ()):
        yield from _paragraph(part, scope, known)
    for kind, check in CHECKS.items():
        if kind in section:
            yield from check(section[kind], value, known)


def _paragraph(part: Any, scope: frozenset[str], known: Known) -> Said:
    if isinstance(part, str):
        yield from text_problems(part, scope, known)
        return
    wrong = list(shape("paragraph", part))
    yield from wrong
    if not wrong:
        yield from text_problems(part["text"], scope, known)
        yield from expression(part.get("when"), scope, known)


def _table(table: Any, _value: Mapping[str, Any], known: Known) -> Said:
    wrong = list(shape("table", table))
    if not wrong and ("form" in table) == ("variable" in table):
        wrong.append("A table is over a form or over a variable, and not over both")
    yield from wrong
    if wrong:
        return
    fields: set[str] = set()
    if "form" in table:
        fields = _fields(table, known)
        if not fields:
            inner = f" with the list “{table['list']}”" if "list" in table else ""
            yield f"A table is over the form “{table['form']}”{inner}, which does not exist"
            return
    elif table["variable"] not in known.variables:
        yield f"A table is over the variable “{table['variable']}”, which nothing sets"
    yield from _columns(table["columns"], fields, known)
    yield from _around(table, fields, known)


def _fields(table: Mapping[str, Any], known: Known) -> set[str]:
    """The fields of a row; none where the form or its list does not exist."""
    found = {key_of(q): q for q in questions(components_of(known.forms.get(table["form"], {})))}
    inner = found.get(table.get("list", ""), {})
    if "list" in table and inner.get("type") != "dynamiclist":
        return set()
    return set(found) | {key_of(q) for q in questions(components_of(inner))}


def _answers(given: Any, _value: Mapping[str, Any], known: Known) -> Said:
    wrong = list(shape("answers", given))
    yield from wrong
    if wrong:
        return
    fields = _fields(given, known)
    if not fields:
        yield f"Answers are of the form “{given['form']}”, which does not exist"
        return
    yield from _columns(given["fields"], fields, known)


def _columns(columns: list[Any], fields: set[str], known: Known) -> Said:
    scope = known.variables | CASE | fields | {"record"}
    for column in columns:
        given = {"field": column} if isinstance(column, str) else column
        wrong = list(shape("column", given))
        yield from wrong
        if wrong:
            continue
        if ("field" in given) == ("value" in given):
            yield "A column shows a “field” or a “value”, and not both"
        elif "value" in given and "label" not in given:
            yield "A column that shows a “value” needs a “label”"
        if fields and "field" in given and given["field"] not in fields:
            yield f"The column “{given['field']}” is not a question of the form"
        if "as" in given and question_at(known.forms, given["as"]) is None:
            yield f"A column is worded as “{given['as']}”, and there is no such question"
        yield from expression(given.get("value"), scope if fields else _open(given.get("value"), scope), known)


def _around(table: Mapping[str, Any], fields: set[str], known: Known) -> Said:
    """What a table says of its columns and rows: which rows, in which order, what is summed."""
    scope, only = known.variables | CASE | fields | {"record"}, table.get("only")
    yield from expression(only, scope if fields else _open(only, scope), known)
    shown = {c if isinstance(c, str) else str(c.get("field") or c.get("label")) for c in table["columns"]
             if isinstance(c, str | Mapping)}  # fmt: skip
    for name in ("sum", "by"):
        yield from listed(f"“{name}” names the column", table.get(name), frozenset(shown))
    yield from listed("“share” names the column", [table["share"]] if "share" in table else [], frozenset(shown))
    if table.get("which", "all") not in {"all", "latest"}:
        yield "“which” must be “all” or “latest”"
    if fields:
        yield from listed("“order” names the field", table.get("order"), frozenset(fields))


def _open(text: str | None, scope: frozenset[str]) -> frozenset[str]:
    """The rows of a variable may have any field: what a script put there is not known here."""
    return scope | formulas.reads(text or "")


def _clocks(given: Any, _value: Mapping[str, Any], known: Known) -> Said:
    return listed("The clocks name", [] if given == "all" else _as_list(given), known.clocks)


def _decisions(given: Any, _value: Mapping[str, Any], known: Known) -> Said:
    return listed("The decisions name", [] if given == "all" else _as_list(given), known.decisions)


def _as_list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _holds(given: Any, _value: Mapping[str, Any], known: Known) -> Said:
    return listed("The holds name the variable", [given], known.variables)


def _steps(given: Any, _value: Mapping[str, Any], known: Known) -> Said:
    for each in given:
        wrong = [] if isinstance(each, str) else list(shape("step", each))
        yield from wrong
        if not wrong:
            yield from listed("The steps name", [each if isinstance(each, str) else each["step"]], known.steps)


def _members(given: Any, value: Mapping[str, Any], known: Known) -> Said:
    for name in given:
        member = known.documents.get(str(name))
        if member is None or name == value["id"]:
            yield f"The package names the document “{str(name)[:40]}”, which does not exist"
        elif list(shape("document", member)):
            continue
        elif member["of"] != "case" or any("documents" in s for s in member["sections"] if isinstance(s, Mapping)):
            yield f"The document “{name}” cannot be part of a package: it is over all cases, or a package itself"
        elif not set(map(str, value["roles"])) <= set(map(str, member["roles"])):
            yield f"Whoever may take this package must be among the roles of “{name}” too"


def _cases(given: Any, _value: Mapping[str, Any], known: Known) -> Said:
    wrong = list(shape("cases", given))
    yield from wrong
    for column in () if wrong else given["columns"]:
        bad = list(shape("column", column))
        yield from bad
        if not bad and not {"label", "value"} <= set(column):
            yield "A column of cases needs a “label” and a “value”"
        elif not bad:
            yield from expression(column["value"], known.variables | RETURNED, known)
    if not wrong:
        yield from expression(given.get("only"), known.variables | RETURNED, known)


def _counts(given: Any, _value: Mapping[str, Any], known: Known) -> Said:
    for each in given:
        wrong = list(shape("count", each))
        yield from wrong
        if not wrong and ("count" in each) == ("median" in each):
            yield "A figure is a “count” or a “median”, and not both"
        for name in ("count", "median", "only") if not wrong else ():
            yield from expression(each.get(name), known.variables | RETURNED, known)


Check = Callable[[Any, Mapping[str, Any], Known], Said]
CHECKS: dict[str, Check] = {
    "table": _table, "answers": _answers, "clocks": _clocks, "decisions": _decisions, "holds": _holds, "steps": _steps,
    "documents": _members, "cases": _cases, "counts": _counts,
}  # fmt: skip
