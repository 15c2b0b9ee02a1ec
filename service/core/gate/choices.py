"""Choices that a form offers from the case's own lists: whether there is such a list, and whether it can be one."""

from collections.abc import Iterator, Mapping
from typing import Any

from service.core.forms_shape import OF_CASE, components_within, key_of
from service.core.gate import loops, names
from service.core.gate.finding import Finding
from service.core.gate.model import Bundle

LISTS = frozenset({"dynamiclist", "checklist"})


def findings(bundle: Bundle, outputs: Iterator[str]) -> Iterator[Finding]:
    """Yield choices from variables that nothing sets, or that no form asks for as a list."""
    set_by_others = {n for n in outputs if n} | names.scripted(bundle)
    known = names.set_somewhere(bundle, iter(set_by_others))
    repeated = {item[0] for s in bundle.running for n in s.nodes.values() if (item := loops.item_of(n))}
    kinds = _kinds(bundle)
    for path, component in _components(bundle):
        variable = _chosen_from(component)
        if variable is None:
            continue
        said = None
        base, dot, _ = variable.partition(".")
        if dot and bundle.running and base not in names.items(bundle):
            said = f"of an item that no repeated step has: “{base}”"
        elif dot:
            continue
        elif bundle.running and variable not in known:
            said = f"which no form, script or decision sets: “{variable}”"
        elif variable not in set_by_others | repeated and not kinds.get(variable, LISTS) & LISTS:
            said = f"which is never a list: “{variable}”"
        if said:
            message = f"“{key_of(component)}” chooses from a list of the case {said}."
            mend = "Name a variable that holds a list, such as one a list of a form sets."
            yield Finding(path, None, key_of(component) or None, "error", "choice", message, mend)


def _components(bundle: Bundle) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, form in bundle.json.items():
        if path.startswith("forms/") or "/forms/" in path:
            yield from ((path, component) for component in components_within(form))


def _chosen_from(component: Mapping[str, Any]) -> str | None:
    source = component.get("valuesKey")
    name = source.get("from") if isinstance(source, Mapping) else None
    return name.removeprefix(OF_CASE) if isinstance(name, str) and name.startswith(OF_CASE) else None


def _kinds(bundle: Bundle) -> dict[str, set[str]]:
    """The kinds of questions that set each variable."""
    found: dict[str, set[str]] = {}
    for _, component in _components(bundle):
        properties = component.get("properties")
        variable = properties.get("variable") if isinstance(properties, Mapping) else None
        if isinstance(variable, str):
            found.setdefault(variable, set()).add(str(component.get("type")))
    return found
