"""The other side of ``typesetting``: reads one document from its input and writes it as PDF to its output.

Before it reads anything it gives up what typesetting never needs: opening any file or connection, memory and processor
time past the limits. ``python -m service.runtime.typesetting_room`` is started by ``typesetting`` alone.
"""

import json
import resource
import sys
from typing import Any

import typst

MEGABYTES = 2048
SECONDS = 50
LACKING = "Some characters of this document cannot be printed here; they stand as empty boxes."

TEMPLATE = rb"""
#let d = json(bytes(sys.inputs.document))
#set document(title: d.title)
#set text(lang: "en", region: "GB", font: "Libertinus Serif", size: 10.5pt, hyphenate: false)
#set par(justify: false)
#set page(
  paper: "a4",
  margin: (x: 20mm, top: 20mm, bottom: 22mm),
  flipped: d.sections.any(s => s.blocks.any(b => b.kind == "table" and b.columns.len() > 6)),
  footer: context [
    #set text(size: 8.5pt)
    #grid(columns: (1fr, auto), [#d.name, #d.state], [Page #counter(page).display("1 of 1", both: true)])
  ],
)
#show heading.where(level: 1): set text(size: 13pt)
#show heading.where(level: 1): set block(above: 1.6em, below: 0.8em)
#show title: set text(size: 18pt)
#show table.cell: set par(justify: false)
#let lines(t) = t.split("\n").intersperse(linebreak()).join()

#text(size: 9.5pt, d.organisation)
#title()
#rect(stroke: 1pt, inset: (x: 6pt, y: 3pt), text(weight: "bold", d.state))
#for (label, said) in d.head [
  #block(below: 0.5em, grid(columns: (42mm, 1fr), text(weight: "bold", label), said))
]
#for note in (d.hidden, d.lacking).filter(n => n != "") [
  #block(inset: (left: 8pt), stroke: (left: 3pt + gray), note)
]
#for section in d.sections [
  #heading(level: 1, section.heading)
  #for block in section.blocks {
    if block.kind == "text" {
      par(lines(block.text))
    } else if block.rows.len() == 0 {
      par("There is nothing to list.")
    } else {
      let side = block.columns.map(c => if c.numbers { right } else { left })
      set text(size: 9pt)
      table(
        columns: block.columns.map(c => if c.numbers { auto } else { c.weight * 1fr }),
        align: (x, y) => side.at(x),
        stroke: (x, y) => (bottom: if y == 0 { 1pt } else { 0.4pt + gray }),
        inset: (x: 4pt, y: 4pt),
        table.header(..block.columns.map(c => text(weight: "bold", c.label))),
        ..block.rows.flatten().map(lines),
        ..if block.total.len() > 0 { (table.footer(repeat: false, ..block.total.map(t => text(weight: "bold", t))),) },
      )
    }
    if block.at("hidden", default: "") != "" { par(block.hidden) }
  }
]
"""


def main() -> None:
    """Typeset the one document of the input. Ends with 1 and no output when that fails."""
    compiler = _ready()
    _give_up()
    sent = json.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(_typeset(compiler, sent["document"], int(sent["at"])))


def _ready() -> typst.Compiler:
    return typst.Compiler(ignore_system_fonts=True)


def _give_up() -> None:
    limits = {
        resource.RLIMIT_AS: MEGABYTES * 1024 * 1024,
        resource.RLIMIT_CPU: SECONDS,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in limits.items():
        resource.setrlimit(limit, (most, most))


def _typeset(compiler: typst.Compiler, document: dict[str, Any], at: int) -> bytes:
    try:
        return _compiled(compiler, {**document, "lacking": ""}, at, ["ua-1"])
    except typst.TypstError as refused:
        if "could not be displayed" not in refused.message:
            raise
    return _compiled(compiler, {**document, "lacking": LACKING}, at, [])


def _compiled(compiler: typst.Compiler, document: dict[str, Any], at: int, standards: Any) -> bytes:
    made = compiler.compile(
        TEMPLATE, format="pdf", sys_inputs={"document": json.dumps(document)}, pdf_standards=standards, timestamp=at
    )
    if not isinstance(made, bytes):
        raise TypeError("one PDF is one text of bytes")
    return made


if __name__ == "__main__":
    main()
