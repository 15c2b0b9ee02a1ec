"""Names: which may be given to a variable, which are set somewhere in a deployment, and which are only read."""

from collections.abc import Iterator, Mapping

from service.core.gate import formulas, loops, scripts
from service.core.gate.finding import Finding, error, warning
from service.core.gate.model import Bundle, Node, Scope, text_of
from service.core.gate.xml_door import NS

EXPRESSIONS = frozenset({"due", "agency", "from", "only", "held", "when"})
"""The properties of an element that are expressions."""
GIVEN = frozenset({"clocks", "departures", "departures_open", "opened_at", "local"})


def items(bundle: Bundle) -> frozenset[str]:
    """The names of the items of all multi-instance steps."""
    found = (loops.item_of(n) for s in bundle.running for n in s.nodes.values())
    return frozenset(f[1] for f in found if f and f[1])


def form_variables(form: object) -> Iterator[str]:
    """The process variables a form sets, in the order asked."""
    if isinstance(form, Mapping):
        properties = form.get("properties")
        if isinstance(properties, Mapping) and isinstance(properties.get("variable"), str):
            yield str(properties["variable"])
        for part in form.get("components") or () if isinstance(form.get("components"), list) else ():
            yield from form_variables(part)


def set_somewhere(bundle: Bundle, outputs: Iterator[str]) -> frozenset[str]:
    """Every variable that a form, a script, a decision or a message sets."""
    found = {v for form in bundle.forms().values() for v in form_variables(form) if "." not in v}
    found |= {n for n in outputs if n} | scripted(bundle)
    for scope in bundle.scopes:
        for node in scope.nodes.values():
            found |= {text_of(v) for v in node.xml.iterfind(".//spiff:messageVariable", NS)}
            found |= {text_of(v) for v in node.xml.iterfind(".//spiff:variableName", NS)}
            found |= {r.get("resultVariable", "") for r in node.xml.iterfind(".//spiff:serviceTaskOperator", NS)}
    return frozenset(found)


def scripted(bundle: Bundle) -> frozenset[str]:
    """The variables that scripts set."""
    return frozenset(target for target, _ in _assigned(bundle))


def _assigned(bundle: Bundle) -> Iterator[tuple[str, str]]:
    for scope in bundle.running:
        for node in scope.nodes.values():
            for script in scripts.scripts_of(node):
                yield from formulas.assignments(script)


def findings(bundle: Bundle, outputs: Iterator[str]) -> Iterator[Finding]:
    """Yield names that clash with a multi-instance item, and variables that are read and never set."""
    own = items(bundle)
    known = set_somewhere(bundle, outputs)
    for scope in bundle.running:
        for node in scope.nodes.values():
            yield from _clashes(scope, node, own, known, whole=bool(bundle.forms()))
    yield from _no_lists(bundle)
    if bundle.forms():
        yield from _unset(bundle, known | own | GIVEN)


def _no_lists(bundle: Bundle) -> Iterator[Finding]:
    """Steps repeated over a variable that scripts set to something that is plainly no list."""
    asked = {v for form in bundle.forms().values() for v in form_variables(form)}
    given: dict[str, list[str]] = {}
    for target, text in _assigned(bundle):
        given.setdefault(target, []).append(text)
    plainly_none = {v for v, texts in given.items() if v not in asked and not any(_may_be_list(t) for t in texts)}
    for scope in bundle.running:
        for node in scope.nodes.values():
            item = loops.item_of(node)
            if item and item[0] in plainly_none:
                message = f"{node.words} is repeated over “{item[0]}”, which is never a list of things."
                yield error(scope.file, node.xml, "loop-over-no-list", message, "Name a variable that holds a list.")


def _may_be_list(text: str) -> bool:
    found = formulas.value(text)
    if found is None or found[0] is None:
        return True
    return isinstance(found[0], list | tuple) and None not in found[0]


def _clashes(
    scope: Scope, node: Node, own: frozenset[str], known: frozenset[str], *, whole: bool
) -> Iterator[Finding]:
    item = loops.item_of(node)
    if item and item[1] and item[1] in known - {item[0]}:
        message = f"{node.words} calls its item “{item[1]}”, which is also the name of a variable."
        yield error(scope.file, node.xml, "item-clash", message, "Give the item another name.")
    for script in scripts.scripts_of(node):
        targets = [target.partition(".") for target, _ in formulas.assignments(script)]
        for base in sorted({base for base, dot, _ in targets if dot} - own):
            tell = error if whole else warning
            message = f"{node.words} sets parts of “{base}”, but no step is repeated with an item called that."
            mend = "Set a variable of its own, or correct the name of the item."
            yield tell(scope.file, node.xml, "item-unknown", message, mend)


def _unset(bundle: Bundle, known: frozenset[str]) -> Iterator[Finding]:
    told: set[tuple[str, str]] = set()
    for scope in bundle.running:
        for node, text in _read(scope):
            for name in sorted(formulas.reads(text) - known):
                if (node.id, name) not in told:
                    told.add((node.id, name))
                    message = f"{node.words} looks at “{name}”, which no form, script or decision sets."
                    mend = "Correct the name, or mark a form's field as this variable."
                    yield warning(scope.file, node.xml, "never-set", message, mend)


def _read(scope: Scope) -> Iterator[tuple[Node, str]]:
    """Every expression of a scope with the node it belongs to."""
    for flow in scope.flows:
        if flow.condition and flow.source in scope.nodes:
            yield scope.nodes[flow.source], flow.condition
    for node in scope.nodes.values():
        properties = node.properties()
        yield from ((node, properties[p]) for p in sorted(EXPRESSIONS) if properties.get(p))
        for script in scripts.scripts_of(node):
            yield from ((node, value) for _, value in formulas.assignments(script))
        for path in ("timerEventDefinition/*", "conditionalEventDefinition/bpmn:condition"):
            yield from ((node, text_of(t)) for t in node.xml.iterfind(f"bpmn:{path}", NS))
        item = loops.item_of(node)
        if item and item[0]:
            yield node, item[0]
