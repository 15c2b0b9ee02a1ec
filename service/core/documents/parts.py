"""What a document consists of once it is made: facts at its head, sections of texts and tables. Plain, frozen data.

Every text in it is text and nothing else: whoever writes it out as HTML, CSV or print escapes all of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

Number: TypeAlias = int | float


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a table: the words people read, and the number they stand for, if they do."""

    text: str
    number: Number | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading; ``numbers`` says that it holds numbers, which stand to the right."""

    label: str
    numbers: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; ``total`` is a last row of sums; ``hidden`` counts records the reader may not read."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A text; line feeds in it are kept."""

    text: str


Block: TypeAlias = Paragraph | Table


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and what stands under it."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document, as of the instant ``at``; ``name`` is that of its files, without an ending.

    ``head`` are (label, text) pairs that say what it is of; ``members`` the ids of a package's further documents.
    """

    id: str
    title: str
    about: str
    name: str
    at: datetime
    draft: bool
    head: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    organisation: str = ""
    members: tuple[str, ...] = field(default_factory=tuple)

    @property
    def hidden(self) -> int:
        """How many records its tables leave out because the reader may not read them."""
        return sum(table.hidden for table in self.tables())

    def tables(self) -> Iterator[Table]:
        """Its tables, in order."""
        for section in self.sections:
            yield from (block for block in section.blocks if isinstance(block, Table))


def not_shown(count: int) -> str:
    """Say that records are left out: nobody should take a part for the whole."""
    return f"{count} record is not shown to you." if count == 1 else f"{count} records are not shown to you."
