"""A diagram as a picture, drawn from its own layout (BPMN DI), with some of its flows in red. Pure: text in, SVG out.

What has no place in the layout is not drawn; nothing is laid out anew.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from html import escape

from lxml import etree

from service.core.diagram_reading import BPMN, BPMNDI, plain_text, tree

DC = "http://www.omg.org/spec/DD/20100524/DC"
DI = "http://www.omg.org/spec/DD/20100524/DI"
MARGIN, LINE, LETTER = 20, 13, 6.2
STYLE = (
    "text{font:11px sans-serif;fill:#0b0c0c}.f{fill:none;stroke:#505a5f;stroke-width:1.3}"
    ".m{fill:none;stroke:#d4351c;stroke-width:3}.n{fill:#fff;stroke:#0b0c0c;stroke-width:1.3}"
    ".e{stroke-width:3.2}.l{fill:none;stroke:#b1b4b6}.i{fill:none;stroke:#0b0c0c}"
)
ARROWS = "".join(
    f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="{size}" markerHeight="{size}" '
    f'orient="auto"><path d="M0 0 10 5 0 10z" fill="{colour}"/></marker>'
    for name, colour, size in (("a", "#505a5f", 7), ("r", "#d4351c", 4))
)
SIGNS = {"parallelGateway": "+", "exclusiveGateway": "×", "eventBasedGateway": "◇", "inclusiveGateway": "○"}


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the layout, in its own units."""

    x: float
    y: float
    width: float
    height: float


def svg(text: str, missing: Collection[str], title: str) -> str:
    """The diagram in a file's text as one SVG document; flows whose ids are ``missing`` are red and say so."""
    root = tree(text)
    nodes = {n.get("id", ""): n for n in root.iter(f"{{{BPMN}}}*") if n.get("id")}
    shapes = list(root.iter(f"{{{BPMNDI}}}BPMNShape"))
    edges = list(root.iter(f"{{{BPMNDI}}}BPMNEdge"))
    parts = [p for s in _outside_in(shapes) for p in _shape(s, nodes)]
    parts += [p for e in edges for p in _edge(e, nodes, missing)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{_around(shapes, edges)}"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><defs>{ARROWS}</defs>{''.join(parts)}</svg>\n"
    )


def _box(holder: etree._Element) -> Box | None:
    bounds = holder.find(f"{{{DC}}}Bounds")
    if bounds is None:
        return None
    return Box(*(float(bounds.get(name, "0")) for name in ("x", "y", "width", "height")))


def _outside_in(shapes: list[etree._Element]) -> list[etree._Element]:
    """The larger first, so that nothing covers what lies within it."""
    boxes = ((_box(s), s) for s in shapes)
    return [s for b, s in sorted(((b, s) for b, s in boxes if b), key=lambda f: -f[0].width * f[0].height)]


def _around(shapes: list[etree._Element], edges: list[etree._Element]) -> str:
    boxes = [b for b in map(_box, shapes) if b]
    points = [p for e in edges for p in _points(e)]
    xs = [x for b in boxes for x in (b.x, b.x + b.width)] + [x for x, _ in points] or [0.0]
    ys = [y for b in boxes for y in (b.y, b.y + b.height)] + [y for _, y in points] or [0.0]
    left, top = min(xs) - MARGIN, min(ys) - MARGIN
    return f"{left:g} {top:g} {max(xs) - left + MARGIN:g} {max(ys) - top + MARGIN:g}"


def _shape(shape: etree._Element, nodes: Mapping[str, etree._Element]) -> Iterator[str]:
    node, box = nodes.get(shape.get("bpmnElement", "")), _box(shape)
    if node is None or box is None:
        return
    kind, name = etree.QName(node).localname, plain_text(node.get("name"))
    middle = (box.x + box.width / 2, box.y + box.height / 2)
    if kind in {"participant", "lane"}:
        yield _rectangle(box, "l", 0)
        turned = f"rotate(-90 {box.x + 15:g} {middle[1]:g})"
        yield _line_of_text(box.x + 15, middle[1], name, f' transform="{turned}"')
        return
    if kind.endswith("Gateway"):
        w, h = box.width / 2, box.height / 2
        yield f'<path class="n" d="M{middle[0]:g} {box.y:g} l{w:g} {h:g} {-w:g} {h:g} {-w:g} {-h:g}z"/>'
        yield _line_of_text(middle[0], middle[1] + 5, SIGNS.get(kind, ""))
    elif kind.endswith("Event"):
        yield from _event(kind, box, middle)
    elif kind == "textAnnotation":
        name = plain_text(node.findtext(f"{{{BPMN}}}text"))
        yield _rectangle(box, "l", 0)
    else:
        yield _rectangle(box, "n" if "rocess" not in kind else "n i", 8)
    yield from _label(shape, kind, name, box)


def _event(kind: str, box: Box, middle: tuple[float, float]) -> Iterator[str]:
    radius = box.width / 2
    cls = "n e" if kind == "endEvent" else "n"
    yield f'<circle class="{cls}" cx="{middle[0]:g}" cy="{middle[1]:g}" r="{radius:g}"/>'
    if kind in {"boundaryEvent", "intermediateCatchEvent", "intermediateThrowEvent"}:
        yield f'<circle class="i" cx="{middle[0]:g}" cy="{middle[1]:g}" r="{radius - 4:g}"/>'


def _label(shape: etree._Element, kind: str, name: str, box: Box) -> Iterator[str]:
    holder = shape.find(f"{{{BPMNDI}}}BPMNLabel")
    placed = _box(holder) if holder is not None else None
    if placed is not None:
        yield from _text(name, placed, top=True)
    elif kind.endswith(("Event", "Gateway")):
        yield from _text(name, Box(box.x - 30, box.y + box.height + 2, box.width + 60, 28), top=True)
    else:
        yield from _text(name, box, top=kind == "subProcess")


def _edge(edge: etree._Element, nodes: Mapping[str, etree._Element], missing: Collection[str]) -> Iterator[str]:
    own = edge.get("bpmnElement", "")
    node, red = nodes.get(own), own in missing
    name = plain_text(node.get("name")) if node is not None else ""
    points = " ".join(f"{x:g},{y:g}" for x, y in _points(edge))
    said = f"<title>{escape(own)}: never taken</title>" if red else ""
    ends = "" if node is None or etree.QName(node).localname == "association" else "ra"[not red]
    marker = f' marker-end="url(#{ends})"' if ends else ""
    yield f'<polyline class="{"m" if red else "f"}" points="{points}"{marker}>{said}</polyline>'
    holder = edge.find(f"{{{BPMNDI}}}BPMNLabel")
    placed = _box(holder) if holder is not None else None
    if placed is not None:
        yield from _text(name, placed, top=True)


def _points(edge: etree._Element) -> list[tuple[float, float]]:
    return [(float(p.get("x", "0")), float(p.get("y", "0"))) for p in edge.iterfind(f"{{{DI}}}waypoint")]


def _rectangle(box: Box, cls: str, round_: int) -> str:
    return (
        f'<rect class="{cls}" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="{round_}"/>'
    )


def _text(name: str, box: Box, *, top: bool) -> Iterator[str]:
    lines = _wrapped(name, max(8, int(box.width / LETTER)))
    first = box.y + LINE - 2 if top else box.y + box.height / 2 - (len(lines) - 1) * LINE / 2 + 4
    for number, line in enumerate(lines):
        yield _line_of_text(box.x + box.width / 2, first + number * LINE, line)


def _line_of_text(x: float, y: float, line: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="middle"{more}>{escape(line)}</text>'


def _wrapped(name: str, letters: int) -> list[str]:
    lines: list[str] = []
    for word in name.split():
        if lines and len(lines[-1]) + 1 + len(word) <= letters:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
