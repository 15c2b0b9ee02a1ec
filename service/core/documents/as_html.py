"""A document as HTML: the part a page of the site puts in its frame, and a whole file that needs nothing else.

Promises: every text is escaped; tables have captions, headings of columns and rows, and can be scrolled with the
keyboard where they are wider than the screen; nothing is loaded from anywhere.
"""

from collections.abc import Iterator
from html import escape

from service.core.documents.parts import Cell, Document, Paragraph, Table, not_shown

STYLE = """
body{margin:0 auto;max-width:60rem;padding:1rem;color:#0b0c0c}
body{font:1rem/1.5 Arial,"Liberation Sans",Helvetica,sans-serif}
h1{font-size:1.7rem;line-height:1.2}h2{margin-top:2rem;font-size:1.3rem;line-height:1.25}
dl{margin:0 0 1rem}dl div{display:flex;flex-wrap:wrap;gap:0 1rem;border-bottom:1px solid #b1b4b6;padding:.3rem 0}
dt{flex:0 0 12rem;font-weight:bold}dd{flex:1 1 12rem;margin:0;overflow-wrap:anywhere}
p,td{white-space:pre-line;overflow-wrap:break-word}.app-table-wrap{overflow-x:auto}
table{width:100%;border-collapse:collapse}caption{font-weight:bold;text-align:left}
th,td{padding:.4rem .7rem .4rem 0;border-bottom:1px solid #b1b4b6;text-align:left;vertical-align:top}
.govuk-table__cell--numeric,.govuk-table__header--numeric{text-align:right}
.govuk-visually-hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.app-draft{display:inline-block;padding:.1rem .5rem;border:2px solid #0b0c0c;font-weight:bold}
@media print{body{max-width:none;padding:0}tr{break-inside:avoid}thead{display:table-header-group}h2{break-after:avoid}
.app-table-wrap{overflow:visible}}
"""


def whole(document: Document) -> bytes:
    """A complete HTML file."""
    title = escape(document.title)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">\n'
        f"<title>{title}, {escape(document.name)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<p>{escape(document.organisation)}</p>\n<h1>{title}</h1>\n{body(document)}</main>\n</body>\n</html>\n"
    ).encode()


def body(document: Document) -> str:
    """Everything below the document's title, for a page that has the title as its heading."""
    return "\n".join(_body(document)) + "\n"


def _body(document: Document) -> Iterator[str]:
    yield f'<p class="govuk-body"><strong class="app-draft">{"Draft" if document.draft else "Final"}</strong></p>'
    rows = "".join(
        f'<div class="govuk-summary-list__row"><dt class="govuk-summary-list__key">{escape(label)}</dt>'
        f'<dd class="govuk-summary-list__value app-written">{escape(text)}</dd></div>'
        for label, text in document.head
    )
    yield f'<dl class="govuk-summary-list">{rows}</dl>'
    if document.hidden:
        yield f'<p class="govuk-inset-text">{not_shown(document.hidden)}</p>'
    for number, section in enumerate(document.sections, 1):
        yield f'<section aria-labelledby="part-{number}">'
        yield f'<h2 class="govuk-heading-m" id="part-{number}">{escape(section.heading)}</h2>'
        for place, block in enumerate(section.blocks, 1):
            if isinstance(block, Paragraph):
                yield f'<p class="govuk-body app-written">{escape(block.text)}</p>'
            else:
                yield from _table(block, f"part-{number}-{place}", section.heading)
        yield "</section>"


def _table(table: Table, key: str, heading: str) -> Iterator[str]:
    seen = "govuk-visually-hidden" if table.caption == heading else "govuk-table__caption--s"
    yield f'<div class="app-table-wrap" role="region" tabindex="0" aria-labelledby="{key}"><table class="govuk-table">'
    caption = f'<span class="{seen}">{escape(table.caption)}</span>'
    yield f'<caption class="govuk-table__caption" id="{key}">{caption}</caption>'
    heads = (
        f'<th scope="col" class="govuk-table__header{_numeric("header", right=c.numbers)}">{escape(c.label)}</th>'
        for c in table.columns
    )
    yield f'<thead class="govuk-table__head"><tr class="govuk-table__row">{"".join(heads)}</tr></thead>'
    yield '<tbody class="govuk-table__body">'
    yield from (_row(table, row) for row in table.rows)
    yield "</tbody>"
    if table.total:
        yield f"<tfoot>{_row(table, table.total)}</tfoot>"
    yield "</table></div>"
    if not table.rows:
        yield '<p class="govuk-body">There is nothing to list.</p>'
    if table.hidden:
        yield f'<p class="govuk-body">{not_shown(table.hidden)}</p>'


def _row(table: Table, row: tuple[Cell, ...]) -> str:
    cells = (
        _cell(cell.text, right=column.numbers, first=place == 0)
        for place, (column, cell) in enumerate(zip(table.columns, row, strict=True))
    )
    return f'<tr class="govuk-table__row">{"".join(cells)}</tr>'


def _cell(text: str, *, right: bool, first: bool) -> str:
    if first:
        return f'<th scope="row" class="govuk-table__header{_numeric("header", right=right)}">{escape(text)}</th>'
    return f'<td class="govuk-table__cell app-written{_numeric("cell", right=right)}">{escape(text)}</td>'


def _numeric(part: str, *, right: bool) -> str:
    return f" govuk-table__{part}--numeric" if right else ""
