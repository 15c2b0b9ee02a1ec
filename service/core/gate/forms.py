"""Forms of a deployment: whether each is one the service can show, and whether its variables fit the diagrams."""

from collections.abc import Iterator, Mapping
from typing import Any

from service.core.forms_check import check_form
from service.core.gate import formulas, names
from service.core.gate.finding import Finding, Level
from service.core.gate.model import Bundle


def findings(bundle: Bundle) -> Iterator[Finding]:
    """Yield forms that are wrong in themselves, or that set a variable the diagrams cannot have."""
    own = names.items(bundle)
    agencies = bundle.named("agencies.json")
    directories = {"agencies": agencies} if isinstance(agencies, list) else None
    for path in _paths(bundle):
        form = bundle.json[path]
        if not isinstance(form, Mapping):
            yield _error(path, "form", "This form is not a JSON object.", "Export it again from the form editor.")
            continue
        if not isinstance(form.get("components", []), list):
            yield _error(path, "form", "The components of this form are no list.", "Export it again from the editor.")
            continue
        yield from _itself(path, form, directories)
        for variable in names.form_variables(form):
            yield from _variable(path, variable, own)


def _paths(bundle: Bundle) -> list[str]:
    return [p for p in bundle.json if p.startswith("forms/") or "/forms/" in p]


def _itself(
    path: str, form: Mapping[str, Any], directories: Mapping[str, list[dict[str, Any]]] | None
) -> Iterator[Finding]:
    for problem in check_form(form, directories):
        where = f"“{problem.field}”: " if problem.field else ""
        bare = not problem.field and (not form.get("title") or not form.get("components"))
        slight = bare and ("title" in problem.message or "components" in problem.message)
        level: Level = "warning" if slight else "error"
        mend = "Correct it in the form editor."
        message = f"{where}{problem.message.removesuffix('.')}."
        yield Finding(path, None, problem.field or None, level, "form", message, mend)


def _variable(path: str, variable: str, own: frozenset[str]) -> Iterator[Finding]:
    base, _, part = variable.partition(".")
    wrong = formulas.name_problem(base) or (formulas.name_problem(part) if part else None)
    if wrong:
        message = f"A field is marked as the variable “{variable}”, which cannot be a name: {wrong}"
        yield _error(path, "variable-name", message, "Choose another name for the variable.")
    elif not part and base in own:
        message = f"A field is marked as the variable “{base}”, which is the name of the item of a repeated step."
        yield _error(path, "item-clash", message, f"Choose another name, or mark a part of the item: {base}.answer.")
    elif part and base not in own:
        message = f"A field is marked as “{variable}”, but no step is repeated with an item called “{base}”."
        yield _error(path, "item-unknown", message, "Mark a variable of its own, or correct the name of the item.")


def _error(path: str, rule: str, message: str, mend: str) -> Finding:
    return Finding(path, None, None, "error", rule, message, mend)
