"""Several files as one ZIP whose manifest says what each is and proves that it is unchanged.

Promises: the same files give the same bytes: names in the order given, dated alike, nothing of this machine in them.
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.core.calendar import london
from service.core.values import sha256

MANIFEST = "manifest.json"
UNIX, PLAIN_FILE = 3, 0o100644 << 16


@dataclass(frozen=True, slots=True)
class File:
    """One file of a package: its name in it, what it is, and its bytes."""

    name: str
    title: str
    data: bytes


def pack(files: Sequence[File], about: Mapping[str, Any], at: datetime) -> bytes:
    """The files and ``manifest.json``: ``about``, and for each file its name, title, size and SHA-256."""
    listed = [{"name": f.name, "title": f.title, "bytes": len(f.data), "sha256": sha256(f.data)} for f in files]
    manifest = json.dumps({**about, "files": listed}, ensure_ascii=False, indent=1, sort_keys=True).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for file in (*files, File(MANIFEST, "", manifest)):
            moment = london(at)
            info = zipfile.ZipInfo(file.name, (moment.year, moment.month, moment.day, moment.hour, moment.minute, 0))
            info.create_system, info.external_attr = UNIX, PLAIN_FILE
            archive.writestr(info, file.data)
    return out.getvalue()
