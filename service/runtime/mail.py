"""Sending a letter: to a mail server, or, embedded, as an .eml file in a folder.

A mailer either sends or raises; the worker tries again. Letters carry a stable id, so a second copy can be told.
"""

import smtplib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from service.settings import Settings

Mailer: TypeAlias = Callable[[EmailMessage], None]
WAIT_SECONDS = 20


def letter(*, id: str, sender: str, to: str, subject: str, body: str) -> EmailMessage:  # noqa: A002 - the letter's id
    """Return a plain-text letter with a stable message id."""
    message = EmailMessage()
    message["Message-ID"] = f"<{id}@casework.invalid>"
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message.set_content(body)
    return message


def mailer_of(settings: Settings) -> Mailer:
    """The mailer the settings name: a mail server, or the folder ``mail`` in the data folder."""
    return _by_smtp(settings.smtp_url) if settings.smtp_url else _into_folder(settings.data_folder / "mail")


def _into_folder(folder: Path) -> Mailer:
    def send(message: EmailMessage) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = str(message["Message-ID"]).strip("<>").split("@")[0]
        (folder / f"{name}.eml").write_bytes(bytes(message))

    return send


def _by_smtp(url: str) -> Mailer:
    parts = urlsplit(url)

    def send(message: EmailMessage) -> None:
        # Greeted by the sender's domain: asked for its own name, a machine may look for it for seconds, at each letter.
        domain = str(message["From"]).rpartition("@")[2].strip("> ") or None
        host, port = parts.hostname or "", parts.port or 587
        with smtplib.SMTP(host, port, local_hostname=domain, timeout=WAIT_SECONDS) as server:
            if parts.username:
                server.starttls()
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(message)

    return send
