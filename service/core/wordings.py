"""The words a definition has for values: the amounts of its local rules, the names of its lists, its forms' options."""

from collections.abc import Iterable, Mapping
from typing import Any

from service.core import local_rules
from service.core.forms_shape import components_within, options, properties_of
from service.core.placeholders import Telling


def wording(
    local: Mapping[str, local_rules.Value],
    rules: Iterable[Mapping[str, Any]],
    directories: Mapping[str, Iterable[Mapping[str, Any]]],
    forms: Mapping[str, Mapping[str, Any]],
) -> Telling:
    """What texts of a definition are filled from, but for the names of a case."""
    directory = {str(row["id"]): str(row.get("name") or row["id"]) for rows in directories.values() for row in rows}
    of_variable: dict[str, dict[str, str]] = {}
    for component in (c for form in forms.values() for c in components_within(form)):
        variable = str(properties_of(component).get("variable") or "").rpartition(".")[2]
        if variable and component.get("values"):
            of_variable[variable] = {option.value: option.label for option in options(component, {})}
    amounts = {row["id"]: local_rules.amount(row) for row in rules}
    return Telling(local=local, amounts=amounts, directory=directory, options=of_variable)
