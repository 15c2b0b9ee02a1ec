"""How to write here what a table or diagram says in FEEL, the language of other tools.

Recognised by form only, so that a message can give the spelling that works; nothing is translated.
"""

import re

_SPELT = (
    (r"\bif\b.*\bthen\b.*\belse\b", 'Write  "a" if x > 5 else "b"'),
    (r"\bsome\b.*\bsatisfies\b", "Write  any([x > 5 for x in values])"),
    (r"\bevery\b.*\bsatisfies\b", "Write  all([x > 5 for x in values])"),
    (r"\bfor\b.*\breturn\b", "Write  [x + 1 for x in values]"),
    (r"\bbetween\b.*\band\b", "Write  1 <= x <= 5"),
    (r"\bdate and time\s*\(", "Write  datetime(2026, 1, 31, 17, 0), the year first"),
    (r"\bdate\s*\(\s*[\"']", "Write  date(2026, 1, 31): year, month and day as numbers"),
    (r"@\s*[\"']", "Write  date(2026, 1, 31): year, month and day as numbers"),
    (r"\bduration\s*\(", "Write  days(5), or months_after(day, 1)"),
    (r"\bstring length\s*\(", "Write  len(x)"),
    (r"\b(list contains|contains)\s*\(", 'Write  "a" in x'),
    (r"\bstarts with\s*\(", 'Write  x.startswith("a")'),
    (r"\bends with\s*\(", 'Write  x.endswith("a")'),
    (r"\bupper case\s*\(", "Write  x.upper()"),
    (r"\blower case\s*\(", "Write  x.lower()"),
    (r"\bcount\s*\(", "Write  len(x)"),
    (r"\bstring\s*\(", "Write  str(x)"),
    (r"\bnumber\s*\(", "Write  float(x)"),
    (r"\binstance of\b", "Take it out: what a value is cannot be asked here"),
    (r"\*\*|\^", "Multiply instead: powers cannot be worked out here"),
    (r"[“”„‘’]", "Use straight quotation marks around texts"),
)


def spelling(text: str) -> str | None:
    """How to write what ``text`` seems to say, or ``None`` if it has none of the known forms."""
    bare = re.sub(r"(\"[^\"]*\"|'[^']*')", lambda quoted: quoted[0][0] * 2, text)
    return next((mend for form, mend in _SPELT if re.search(form, bare)), None)
