"""A table of a document as CSV (RFC 4180, UTF-8 with a byte order mark, so that Excel reads it rightly).

A cell that a spreadsheet would take for a formula begins with an apostrophe; numbers stay numbers.
"""

import csv
import io

from service.core.documents.parts import Cell, Table, not_shown

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
"""What begins a formula in one spreadsheet or another, if only after spaces; the last four are full width."""


def csv_of(table: Table) -> bytes:
    """The table's headings, rows and total; a last line says how many records are not shown."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([harmless(column.label) for column in table.columns])
    for row in (*table.rows, *([table.total] if table.total else [])):
        writer.writerow([_written(cell) for cell in row])
    if table.hidden:
        writer.writerow([not_shown(table.hidden)])
    return out.getvalue().encode("utf-8-sig")


def _written(cell: Cell) -> str | int | float:
    return harmless(cell.text) if cell.number is None else cell.number


def harmless(text: str) -> str:
    """The text so that no spreadsheet runs it."""
    return f"'{text}" if text.lstrip(" \u00a0\u3000").startswith(FORMULA) or text.startswith("'") else text
