"""Who does what, with which form, by when: the properties of user tasks, messages, clocks and lanes.

Rules that need a companion file (roles, forms, clauses) speak only when that file is part of the deployment.
"""

from collections.abc import Iterator
from datetime import date

from lxml import etree

from service.core.gate import formulas, roles
from service.core.gate.finding import Finding, error, warning
from service.core.gate.model import Bundle, Node, Scope, local, properties_of, text_of
from service.core.gate.xml_door import NS

KINDS = {"statutory", "local rule", "counter"}
COUNTS_FROM_ITS_BEGINNING = {"counter"}


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield what is wrong with people's parts of the diagrams that will be run."""
    known = Known(bundle)
    yield from roles.findings(bundle)
    for scope in bundle.running:
        lanes = _lanes(bundle, scope)
        for node in scope.nodes.values():
            properties = node.properties()
            if node.kind == "userTask":
                yield from _form(scope, node, properties, known, needed=True)
                yield from _doer(scope, node, properties, known, lanes)
            elif node.definition("message") is not None and node.kind in {"startEvent", "intermediateCatchEvent"}:
                yield from _message(scope, node, properties, known, lanes)
            yield from _properties(scope, node, properties, known)
            if "clock" in properties:
                yield from _clock(scope, node, properties)
        if scope.parent is None:
            yield from _clauses(scope, scope.xml, properties_of(scope.xml), known)
        if known.forms is None:
            yield from _unasked(scope)


def _unasked(scope: Scope) -> Iterator[Finding]:
    """Without companion files one warning is enough for all the tasks nobody could answer."""
    found = [n for n in scope.of_kind("userTask") if not (n.properties().get("form") or _elsewhere(n.properties()))]
    if found:
        message = f"{len(found)} user task{'s have' if found[1:] else ' has'} no form: nobody could answer."
        yield warning(scope.file, found[0].xml, "form-missing", message, "Choose forms in the panel.")


class Known:
    """The names the companion files give; ``None`` where a file is not part of the deployment."""

    def __init__(self, bundle: Bundle) -> None:
        roles, clauses = bundle.named("roles.json"), bundle.named("clauses.json")
        self.roles = _column(roles, "id")
        self.role_names = _column(roles, "name")
        self.clauses = _column(clauses, "id")
        whole = roles is not None or bundle.named("deployment.json") is not None
        self.forms = set(bundle.forms()) if bundle.forms() or whole else None
        self.main = _main_of(bundle)
        self.local = bundle.local


def _column(rows: object, key: str) -> set[str] | None:
    if not isinstance(rows, list):
        return None
    return {str(r[key]) for r in rows if isinstance(r, dict) and key in r}


def _main_of(bundle: Bundle) -> str | None:
    deployment = bundle.named("deployment.json")
    return str(deployment.get("main")) if isinstance(deployment, dict) else None


def _lanes(bundle: Bundle, scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for lane in bundle.document_of(scope.file).root.iterfind(".//bpmn:lane", NS):
        for ref in lane.iterfind("bpmn:flowNodeRef", NS):
            found[text_of(ref)] = lane.get("name", "")
    return found


def _lane_of(scope: Scope, node: Node, lanes: dict[str, str]) -> str | None:
    here: Scope | None = scope
    if node.id in lanes:
        return lanes[node.id]
    while here is not None:
        if here.id in lanes:
            return lanes[here.id]
        here = here.parent
    return None


def _form(
    scope: Scope, node: Node, properties: dict[str, str], known: Known, *, needed: bool
) -> Iterator[Finding]:
    form = properties.get("form", "").strip() or _elsewhere(properties)
    if form and known.forms is not None and form not in known.forms:
        message = f"{node.words} uses the form “{form}”, which does not exist."
        yield error(scope.file, node.xml, "form-missing", message, f"Choose another form, or add forms/{form}.json.")
    elif not form and known.forms is not None:
        tell = error if needed else warning
        message = f"{node.words} has no form, so nobody can answer it."
        yield tell(scope.file, node.xml, "form-missing", message, "Choose a form in the panel.")
    elif form and not properties.get("form") and known.forms is not None:
        message = f"{node.words} names its form in the property “formJsonSchemaFilename”, which is not read here."
        yield warning(scope.file, node.xml, "form-property", message, f"Set the property “form” to {form}.")


def _elsewhere(properties: dict[str, str]) -> str:
    """The form as other tools for this engine name it: a file name."""
    return properties.get("formJsonSchemaFilename", "").strip().rsplit("/", 1)[-1].removesuffix(".json")


SUCH_AS = {
    "due": "an expression, such as  working_days_after(opened_at, 5)",
    "agency": "an expression that gives the id of an agency, such as  agency.id",
    "only": "a condition on the item of the repetition, such as  agency.late",
}


def _doer(
    scope: Scope, node: Node, properties: dict[str, str], known: Known, lanes: dict[str, str]
) -> Iterator[Finding]:
    role = properties.get("role", "").strip()
    lane = _lane_of(scope, node, lanes)
    if role:
        if known.roles is not None and role not in known.roles:
            message = f"{node.words} is for the role “{role}”, which does not exist."
            yield error(scope.file, node.xml, "role-unknown", message, "Choose a role of processes/roles.json.")
    elif lane is None and known.roles is not None:
        message = f"{node.words} stands in no lane and names no role, so nobody is asked to do it."
        yield error(scope.file, node.xml, "role-missing", message, "Put it in a lane, or choose a role.")
    elif lane is not None and known.role_names is not None and lane not in known.role_names:
        message = f"{node.words} stands in the lane “{lane}”, which is not the name of a role."
        yield error(scope.file, node.xml, "lane-role", message, "Name the lane after a role of processes/roles.json.")


def _message(
    scope: Scope, node: Node, properties: dict[str, str], known: Known, lanes: dict[str, str]
) -> Iterator[Finding]:
    begins = node.kind == "startEvent" and scope.parent is None and scope.process == known.main
    yield from _form(scope, node, properties, known, needed=begins)
    if begins or properties.get("role"):
        yield from _doer(scope, node, properties, known, lanes)


def _properties(scope: Scope, node: Node, properties: dict[str, str], known: Known) -> Iterator[Finding]:
    yield from _clauses(scope, node.xml, properties, known)
    for name in ("due", "agency", "only"):
        text = properties.get(name, "").strip()
        wrong = formulas.problem(text) if text else None
        if text and name == "due" and not wrong:
            wrong = _no_date(text, known.local)
        if wrong:
            message = f"The property “{name}” of {node.mention} cannot be worked out: {wrong}"
            yield error(scope.file, node.xml, name, message, f"Write {SUCH_AS[name]}.")
    remind = properties.get("remind", "").replace(",", " ").split()
    if any(not (part.isascii() and part.isdigit() and int(part[:6]) <= 366) for part in remind):
        message = f"The reminders of {node.mention} are not whole numbers of days: “{properties['remind']}”."
        yield error(scope.file, node.xml, "remind", message, "Write days before the due date, such as  14 7 3 1.")
    for role in properties.get("remind_roles", "").split():
        if known.roles is not None and role not in known.roles:
            message = f"{node.words} reminds the role “{role}”, which does not exist."
            yield error(scope.file, node.xml, "role-unknown", message, "Choose roles of processes/roles.json.")


def _no_date(text: str, local_rules: dict[str, object]) -> str | None:
    """Why a due expression that can be tried gives no date."""
    found = formulas.value(text, {"opened_at": formulas.SOME_DAY, "local": local_rules})
    if found is None or isinstance(found[0], date):
        return None
    return found[1] or "it is not a date."


def _clauses(
    scope: Scope, xml: etree._Element, properties: dict[str, str], known: Known
) -> Iterator[Finding]:
    for clause in properties.get("clause", "").replace(",", " ").split():
        if known.clauses is not None and clause not in known.clauses:
            message = f"The clause “{clause}” is not in the list of clauses."
            mend = "Correct the number, or add the clause to processes/clauses.json."
            yield error(scope.file, xml, "clause-unknown", message, mend)


def _clock(scope: Scope, node: Node, properties: dict[str, str]) -> Iterator[Finding]:
    yield from _clock_place(scope, node, properties)
    if not properties["clock"].isidentifier():
        message = f"The key “{properties['clock']}” of {node.mention} cannot be written in an expression."
        yield error(scope.file, node.xml, "clock-key", message, "Use letters, figures and underscores.")
    for name, what in (("name", "a name for people to read"), ("from", "what it counts from")):
        begins = name == "from" and properties.get("kind") in COUNTS_FROM_ITS_BEGINNING
        if not properties.get(name, "").strip() and not begins:
            message = f"{node.words} is a clock without {what}."
            yield error(scope.file, node.xml, f"clock-{name}", message, f"Set the property “{name}”.")
    start = properties.get("from", "").strip()
    wrong = formulas.problem(start) if start else None
    if wrong:
        message = f"What {node.mention} counts from cannot be worked out: {wrong}"
        yield error(scope.file, node.xml, "clock-from", message, "Name the variable that holds the first day.")
    if properties.get("kind", "local rule") not in KINDS:
        message = f"{node.words} is a clock of the kind “{properties['kind']}”, which is unknown."
        mend = "Write  statutory,  local rule  or  counter."
        yield warning(scope.file, node.xml, "clock-kind", message, mend)
    held = properties.get("held", "").strip()
    wrong = formulas.problem(held) if held else None
    if wrong:
        message = f"The holds of {node.mention} cannot be worked out: {wrong}"
        mend = "Name the variable that holds a list of records with “from” and “to”."
        yield error(scope.file, node.xml, "clock-held", message, mend)


def _clock_place(scope: Scope, node: Node, properties: dict[str, str]) -> Iterator[Finding]:
    """A clock with a length is a date; a counter has none and comes again only so that somebody asks."""
    counts = properties.get("kind") == "counter"
    wanted = "timeCycle" if counts else "timeDate"
    timer = node.definition("timer")
    fits = timer is not None and any(local(c) == wanted for c in timer)
    if node.kind == "boundaryEvent" and fits and not node.interrupts:
        return
    message = f"{node.words} is a clock, but not a date timer beside a task: a clock warns, it never ends the work."
    mend = "Make it a non-interrupting boundary timer with a date."
    if counts:
        message = f"{node.words} is a counter, but not a repeating timer beside a task: it counts until that is done."
        mend = 'Make it a non-interrupting boundary timer that repeats, such as  "R12/P28D".'
    yield error(scope.file, node.xml, "clock-place", message, mend)
