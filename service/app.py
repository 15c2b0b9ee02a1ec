"""create_app: the one place where the parts are joined, and the only place that reads the machine's clock."""

import logging
import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask
from gunicorn.errors import AppImportError

from service.runtime import logs
from service.runtime.mail import Mailer, mailer_of
from service.runtime.service import Service, join
from service.settings import Settings, SettingsRefused
from service.store.safety import OutOfReach, require_safe
from service.store.schema import require_current
from service.web import reading_only
from service.web.pages import register

log = logging.getLogger(__name__)


def system_clock() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def create_service(
    settings: Settings, *, clock: Callable[[], datetime] = system_clock, mailer: Mailer | None = None
) -> Service:
    """Join the parts without pages: for the worker and the command line."""
    logs.quieten()
    try:
        settings.data_folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise SettingsRefused(
            f"The folder {settings.data_folder} cannot be made. Set CASEWORK_DATA_FOLDER to another one."
        ) from failure
    return join(settings, clock, mailer or mailer_of(settings))


def create_app(
    settings: Settings, *, clock: Callable[[], datetime] = system_clock, mailer: Mailer | None = None
) -> Flask:
    """Return the web application over the settings' database."""
    app = Flask("service", static_folder="static", template_folder="templates")
    app.config["SECRET_KEY"] = settings.secret_key or secrets.token_hex(32)
    app.config["TRUSTED_HOSTS"] = settings.hosts
    app.config["PROXIES"] = settings.proxy_networks
    app.extensions["service"] = create_service(settings, clock=clock, mailer=mailer)
    register(app, practice_mode=settings.practice)
    return app


def from_environment() -> Flask:
    """The web application as the environment sets it: what a web server is told to run.

    A database that is only away does not stop it: pages say so until it is back, and every connection is looked at.
    """
    logs.configure()
    try:
        app = create_app(Settings.from_env(os.environ))
        store = app.extensions["service"].store
        require_safe(store)
        require_current(store)
        reading_only.look(app)
    except OutOfReach as away:
        log.warning(str(away))
    except SettingsRefused as refused:
        raise AppImportError(str(refused)) from refused  # gunicorn prints the sentence and ends, workers and all
    return app
