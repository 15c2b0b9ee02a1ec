"""Every setting, what it means and its default. Read once, from the environment or from files that it names.

Settings without a safe default must be given in production. Practice mode, which signs anybody in and moves the
clock, refuses to start beside any production setting.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit


class SettingsRefused(Exception):
    """The settings would lose data or open the service; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. The name in the environment is the field's in capitals with ``CASEWORK_`` before it."""

    database_url: str = field(
        default="", repr=False, metadata={"means": "Where cases are kept: an SQLAlchemy URL of SQLite or PostgreSQL"}
    )
    data_folder: Path = field(default=Path("var"), metadata={"means": "Folder of the embedded database, mail and logs"})
    secret_key: str = field(
        default="", repr=False, metadata={"means": "Signs form tokens; at least 32 characters; secret"}
    )
    state_key: str = field(
        default="",
        repr=False,
        metadata={"means": "Seals stored cases; at least 32 characters; secret; required on PostgreSQL"},
    )
    state_key_previous: str = field(
        default="", repr=False, metadata={"means": "The state key before, while cases sealed with it are left; secret"}
    )
    backup_key: str = field(
        default="",
        repr=False,
        metadata={"means": "Seals backups; at least 32 characters; secret; kept apart from them"},
    )
    backup_folder: Path | None = field(default=None, metadata={"means": "Folder backups are written to"})
    practice: bool = field(
        default=False, metadata={"means": "Practice site: invented cases, open accounts, a clock that can be moved"}
    )
    host: str = field(default="127.0.0.1", metadata={"means": "Address the web server binds to"})
    port: int = field(default=8000, metadata={"means": "Port the web server binds to"})
    web_processes: int = field(default=2, metadata={"means": "Number of web processes"})
    public_url: str = field(default="", metadata={"means": "Address people use, beginning with https:// in production"})
    proxies: str = field(
        default="", metadata={"means": "Networks of the reverse proxies in front, spaced, like 172.16.0.0/12"}
    )
    mail_from: str = field(default="", metadata={"means": "Sender of reminders"})
    smtp_url: str = field(
        default="",
        repr=False,
        metadata={"means": "Mail server, smtp://user:password@host:port; empty writes .eml files"},
    )
    signing_key: str = field(
        default="", repr=False, metadata={"means": "Signs checkpoints: an Ed25519 private key, PEM; the worker's alone"}
    )
    log_name: str = field(default="casework", metadata={"means": "Name of the log in its checkpoints; never changed"})
    checkpoint_folder: Path | None = field(default=None, metadata={"means": "Folder checkpoints are written to"})
    checkpoint_mail: str = field(default="", metadata={"means": "Who is sent a checkpoint each day: addresses, spaced"})
    oidc_issuer: str = field(default="", metadata={"means": "Address of who signs people in by OpenID Connect"})
    oidc_client_id: str = field(default="", metadata={"means": "Name under which the issuer knows this service"})
    oidc_client_secret: str = field(
        default="", repr=False, metadata={"means": "Secret the issuer gave to this service; secret"}
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings. Raises ``SettingsRefused`` with a plain sentence."""
        given = {f.name: text for f in fields(cls) if (text := _read(environ, env_name(f.name))) is not None}
        settings = cls(**{name: _typed(name, text) for name, text in given.items()})  # type: ignore[arg-type]
        _check(settings, given)
        return settings

    @property
    def url(self) -> str:
        """The database URL in force: the embedded SQLite file unless one is given."""
        return self.database_url or f"sqlite:///{(self.data_folder / 'cases.db').absolute()}"

    @property
    def checkpoints(self) -> Path:
        """The folder checkpoints are written to: ``checkpoints`` in the data folder unless one is given."""
        return self.checkpoint_folder or self.data_folder / "checkpoints"

    @property
    def backups(self) -> Path:
        """The folder backups are written to: ``backups`` in the data folder unless one is given."""
        return self.backup_folder or self.data_folder / "backups"

    @property
    def hosts(self) -> list[str]:
        """The host names requests may be for: that of the public address, else this machine's own names."""
        named = urlsplit(self.public_url).hostname
        return [named] if named else ["127.0.0.1", "localhost", "[::1]", self.host]

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks whose word about where a request came from is taken."""
        return tuple(ip_network(one) for one in self.proxies.split())

    @property
    def secure(self) -> bool:
        """Whether people reach the service by https."""
        return self.public_url.startswith("https://")


def env_name(field_name: str) -> str:
    """The environment variable of a setting."""
    return f"CASEWORK_{field_name.upper()}"


def safe_address(address: str) -> bool:
    """Whether what is sent to an address cannot be read on the way: https, or a port of this very machine."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"})
    )


def _read(environ: Mapping[str, str], name: str) -> str | None:
    """The text of a setting: its own, or that of the file named by ``…_FILE``, which is how secrets are handed over."""
    if name in environ or f"{name}_FILE" not in environ:
        return environ.get(name)
    try:
        return Path(environ[f"{name}_FILE"]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as failure:
        raise SettingsRefused(f"The file that {name}_FILE names cannot be read.") from failure


def _typed(name: str, text: str) -> object:
    if name in {"data_folder", "checkpoint_folder", "backup_folder"}:
        return Path(text)
    if name in {"port", "web_processes"}:
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise SettingsRefused(f"{env_name(name)} must be a whole number above 0, not “{text}”.")
        return int(text)
    if name == "practice":
        if text.lower() not in {"0", "1", "true", "false", "yes", "no", ""}:
            raise SettingsRefused(f"{env_name(name)} must be 1 or 0, not “{text}”.")
        return text.lower() in {"1", "true", "yes"}
    return text


def _check(settings: Settings, given: Mapping[str, str]) -> None:
    _check_forms(settings)
    if settings.practice:
        _check_practice(given)
    elif len(settings.secret_key) < 32:
        raise SettingsRefused("CASEWORK_SECRET_KEY must be set to at least 32 characters (or use practice mode).")
    elif not settings.state_key and not settings.url.startswith("sqlite:///"):
        raise SettingsRefused("CASEWORK_STATE_KEY must be set to at least 32 characters beside a PostgreSQL database.")
    _check_provider(settings)


def _check_forms(settings: Settings) -> None:
    if not settings.url.startswith(("sqlite:///", "postgresql+psycopg://", "postgresql://")):
        raise SettingsRefused("CASEWORK_DATABASE_URL must begin with sqlite:/// or postgresql+psycopg://.")
    for name in ("state_key", "state_key_previous", "backup_key"):
        if 0 < len(getattr(settings, name)) < 32:
            raise SettingsRefused(f"{env_name(name)} must have at least 32 characters.")
    if settings.public_url and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?", settings.public_url):
        raise SettingsRefused("CASEWORK_PUBLIC_URL must be like https://cases.example.gov.uk, without a path.")
    try:
        _ = settings.proxy_networks
    except ValueError:
        raise SettingsRefused("CASEWORK_PROXIES must be networks like 172.16.0.0/12, with spaces between.") from None
    if not re.fullmatch(r"[A-Za-z0-9._/-]+", settings.log_name):
        raise SettingsRefused("CASEWORK_LOG_NAME may hold letters, digits and . _ / - only, and no spaces.")


def _check_provider(settings: Settings) -> None:
    parts = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)
    if not any(parts):
        return
    if not all((*parts, settings.public_url)):
        names = ", ".join(env_name(name) for name in ("oidc_issuer", "oidc_client_id", "oidc_client_secret"))
        raise SettingsRefused(f"{names} and CASEWORK_PUBLIC_URL must be set together.")
    try:
        safe = safe_address(settings.oidc_issuer) and re.fullmatch(r"[!-~]{1,255}", settings.oidc_issuer)
    except ValueError:
        safe = None
    if not safe or any(mark in settings.oidc_issuer for mark in "?#@"):
        raise SettingsRefused("CASEWORK_OIDC_ISSUER must be like https://id.example.gov.uk/realms/council.")


def _check_practice(given: Mapping[str, str]) -> None:
    production = [env_name(n) for n in ("database_url", "public_url", "smtp_url", "oidc_issuer") if given.get(n)]
    if production:
        named = ", ".join(production)
        raise SettingsRefused(
            f"Practice mode cannot be switched on together with {named}: it is for invented cases only."
        )
