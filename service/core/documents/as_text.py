"""A document as plain text: what a scenario looks for words in, and what the command line prints."""

from collections.abc import Iterator

from service.core.documents.parts import Document, Paragraph, Table, not_shown


def text_of(document: Document) -> str:
    """The whole document, a line for each paragraph and each row; the cells of a row with `` | `` between."""
    return "\n".join(_lines(document))


def _lines(document: Document) -> Iterator[str]:
    yield document.title
    yield "Draft" if document.draft else "Final"
    yield from (f"{label}: {text}" for label, text in document.head)
    for section in document.sections:
        yield f"\n{section.heading}"
        for block in section.blocks:
            if isinstance(block, Paragraph):
                yield block.text
            else:
                yield from _rows(block)


def _rows(table: Table) -> Iterator[str]:
    yield " | ".join(column.label for column in table.columns)
    for row in (*table.rows, *([table.total] if table.total else [])):
        yield " | ".join(cell.text for cell in row)
    if table.hidden:
        yield not_shown(table.hidden)
