"""Names in decision tables: inputs that nothing ever sets, and words that were meant as texts and lack their quotes."""

from collections.abc import Iterator

from lxml import etree

from service.core.gate import formulas, names
from service.core.gate.finding import Finding, error, warning
from service.core.gate.model import Bundle, text_of


def findings(bundle: Bundle, outputs: Iterator[str]) -> Iterator[Finding]:
    """Yield names the tables look at in vain. ``outputs``: the names all tables set."""
    known = names.set_somewhere(bundle, outputs) | names.items(bundle) | names.GIVEN
    whole = bool(bundle.forms()) and bool(bundle.running)
    for document in bundle.tables:
        for table in document.root.iterfind("{*}decision/{*}decisionTable"):
            read = {n for e in _inputs(table) for n in formulas.reads(text_of(e.find("{*}text")))}
            if whole:
                yield from _never_set(document.path, table, known)
            yield from _bare(document.path, table, known | (frozenset() if whole else read), whole=whole)


def _inputs(table: etree._Element) -> list[etree._Element]:
    return list(table.iterfind("{*}input/{*}inputExpression"))


def _never_set(path: str, table: etree._Element, known: frozenset[str]) -> Iterator[Finding]:
    for expression in _inputs(table):
        for name in sorted(formulas.reads(text_of(expression.find("{*}text"))) - known):
            message = f"An input looks at “{name}”, which no form, script or decision sets."
            mend = "Correct the name, or mark a form's field as this variable."
            yield warning(path, expression, "never-set", message, mend)


def _bare(path: str, table: etree._Element, known: frozenset[str], *, whole: bool) -> Iterator[Finding]:
    for entry in table.iterfind("{*}rule/*"):
        word = text_of(entry.find("{*}text"))
        if not word.isidentifier() or formulas.name_problem(word) or formulas.constant(word) is not None:
            continue
        if word in known | formulas.FOREIGN:
            continue
        # Variables are written small here; a capital letter in a table on its own is a text without its quotes.
        tell = error if whole or word[0].isupper() else warning
        message = f"The cell  {word}  looks at a variable of that name, which nothing sets."
        yield tell(path, entry, "bare-word", message, f'If it is a text, put it in quotation marks: "{word}".')
