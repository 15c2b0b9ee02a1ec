"""What a scenario expects of a document: that it can be made or is refused, what it says, and what it does not say."""

from collections.abc import Iterator, Mapping
from typing import Any

from service.core.access import Actor, may_take
from service.core.calendar import london_date
from service.core.documents import building, returns
from service.core.documents.as_text import text_of
from service.core.documents.facts import Facts
from service.core.documents.parts import Document
from service.core.errors import Rejection


def differences(facts: Facts, wanted: Mapping[str, Any], reader: Actor | None) -> list[str]:
    """What is not as ``wanted``: ``{document, says?, lacks?, draft?, year?, refused?}``; texts may be lists of texts.

    ``reader`` must be among the document's roles, if one is given.
    """
    key, refused = str(wanted["document"]), wanted.get("refused")
    try:
        made = _made(facts, key, wanted, reader)
    except Rejection as reason:
        if refused is not None and str(refused).lower() in reason.message.lower():
            return []
        return [f"the document {key} was refused: {reason.message}"]
    if refused is not None:
        return [f"the document {key} should have been refused, and was made"]
    return list(_amiss(made, key, wanted))


def _made(facts: Facts, key: str, wanted: Mapping[str, Any], reader: Actor | None) -> Document:
    what = facts.definition.documents.get(key, {"of": "case", "roles": []})
    if reader is not None and key in facts.definition.documents and not may_take(what, reader):
        raise Rejection(f"{reader.name} may not take this document.")
    if what["of"] == "case":
        return building.build(facts, key)
    on = london_date(facts.case.at)
    return returns.build(returns.Asked(facts.definition, int(wanted.get("year", on.year)), on, (facts.case,)), key)


def _amiss(made: Document, key: str, wanted: Mapping[str, Any]) -> Iterator[str]:
    text = text_of(made)
    for said in _texts(wanted.get("says")):
        if said not in text:
            yield f"the document {key} does not say “{said}”; it says:\n{text}"
    for said in _texts(wanted.get("lacks")):
        if said in text:
            yield f"the document {key} says “{said}”, which it should not"
    if wanted.get("draft", made.draft) is not made.draft:
        yield f"the document {key} is {'a draft' if made.draft else 'no draft'}"


def _texts(given: Any) -> list[str]:
    if given is None:
        return []
    return [str(each) for each in given] if isinstance(given, list) else [str(given)]
