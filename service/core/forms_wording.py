"""The sentences people read when an answer is refused, in the wording of the GOV.UK style guide.

Every sentence names the question, so that it also makes sense in the list at the top of a page.
"""

from collections.abc import Iterable

DETERMINERS = frozenset(
    (
        "the", "a", "an", "your", "their", "his", "her", "its", "our", "my", "any", "each", "every", "all",
        "both", "this", "these", "that", "those", "who", "what", "when", "where", "why", "how", "which",
        "whether", "other", "another", "one", "no",
    )
)  # fmt: skip


def missing(label: str, *, select: bool) -> str:
    """Say that a question has no answer: ``Enter the date of death``, ``Select the relationship``."""
    if is_question(label):
        return f"Select an answer to “{label}”" if select else f"Answer “{label}”"
    return f"{'Select' if select else 'Enter'} {with_article(label)}"


def subject(label: str) -> str:
    """Return how a sentence about a question begins."""
    return f"The answer to “{label}”" if is_question(label) else label


def is_question(label: str) -> bool:
    """Say whether a label asks a question, so that it cannot stand in a sentence as a noun."""
    return label.rstrip().endswith("?")


def with_article(label: str) -> str:
    """Return a label as a noun inside a sentence: ``Date of death`` becomes ``the date of death``."""
    first = label.split(" ", 1)[0].lower()
    return lowered(label) if first in DETERMINERS else f"the {lowered(label)}"


def lowered(label: str) -> str:
    """Return a label as it stands inside a sentence; names and abbreviations keep their capitals."""
    words = label.split(" ")
    is_name = len(words) > 1 and words[1][:1].isupper()
    is_abbreviation = words[0][1:] != words[0][1:].lower() or words[0] == "I"
    return label if is_name or is_abbreviation else label[:1].lower() + label[1:]


def limits(least: int | None, most: int | None) -> str:
    """Return the end of a sentence about a number out of range."""
    if least is not None and most is not None:
        return f"must be between {least:,} and {most:,}"
    return f"must be {least:,} or more" if least is not None else f"must be {most:,} or fewer"


def listed(words: Iterable[str]) -> str:
    """Join words as people do: ``a day, a month and a year``."""
    *most, last = list(words)
    return f"{', '.join(most)} and {last}" if most else last
