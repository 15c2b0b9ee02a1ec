"""The service as a person meets it: real processes on loopback, the system's Chromium, no network.

Every test fails on a script error, on anything the content security policy stopped, and on a request that leaves this
machine.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from service.core.definitions import definition_of
from service.core.scenario_reading import read
from service.runtime.bundles import read_folder
from tree import ROOT, SERVICE

AXE = SERVICE / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
QUIET = [
    "--no-sandbox",  # the tests open only pages of their own; in a container the sandbox cannot start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STARTS_WITHIN = 120
STORY = Path(__file__).with_name("first_month.yaml").read_text()


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Server:
    """The service in processes of its own, on a free port, with its data in a folder of its own."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-4000:]

    def start(self) -> None:
        """Start and wait until it answers."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CASEWORK_")}
        environ |= {"CASEWORK_DATA_FOLDER": str(self.folder / "data"), "CASEWORK_PORT": str(self.port)}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service.cli", "run", "--practice"],
                cwd=ROOT,
                env=environ,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        deadline = time.monotonic() + STARTS_WITHIN
        while not self.answers():
            assert self.process.poll() is None, f"the server ended:\n{self.log}"
            assert time.monotonic() < deadline, f"the server did not answer:\n{self.log}"
            time.sleep(0.2)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/sign-in", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def stop(self) -> int:
        """End it as Ctrl-C does; the exit code."""
        os.killpg(self.process.pid, 2)
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        """End every one of its processes at once, without a chance to tidy up."""
        os.killpg(self.process.pid, 9)
        self.process.wait(timeout=30)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """The data of a practice site as it is on its first day: deployed, with its accounts and its cases."""
    server = Server(tmp_path_factory.mktemp("prepared"))
    server.start()
    assert server.stop() == 0
    return server.folder / "data"


@pytest.fixture(scope="session")
def server(tmp_path_factory, prepared) -> Iterator[Server]:
    """One running service for all the tests that only use it."""
    server = Server(tmp_path_factory.mktemp("service"))
    shutil.copytree(prepared, server.folder / "data")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def own_server(tmp_path_factory, prepared) -> Iterator[Server]:
    """A service of one module's own, for tests that others could not share it with."""
    server = Server(tmp_path_factory.mktemp("own"))
    shutil.copytree(prepared, server.folder / "data")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def address(server) -> str:
    """Where the service answers; a module with a service of its own says another."""
    return server.url


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.fail("These tests need Chromium; install it, or leave them out with: make test SKIP_BROWSER=1")
    return {**browser_type_launch_args, "executable_path": chromium, "headless": True, "args": QUIET}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    size = {"width": 1280, "height": 900}
    return {
        **browser_context_args,
        "locale": "en-GB",
        "timezone_id": "Europe/London",
        "viewport": size,
    }


@pytest.fixture
def problems() -> Iterator[list[str]]:
    """What went wrong in any browser of the test; it must stay empty."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def open_browser(browser: Browser, browser_context_args, problems, address) -> Iterator[Callable[..., Page]]:
    """Open a browser window of one more person: ``open_browser(javascript=False, width=320)``."""
    contexts = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
        page.on("console", lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None)
        page.on("request", lambda asked: leaves(asked.url))

    def leaves(url: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            problems.append(f"asked another machine: {url}")

    def opened(*, javascript: bool = True, width: int = 1280) -> Page:
        args = {**browser_context_args, "java_script_enabled": javascript, "viewport": {"width": width, "height": 900}}
        contexts.append(browser.new_context(base_url=address, **args))
        contexts[-1].on("page", watch)
        contexts[-1].set_default_navigation_timeout(90_000)  # the machine may be busy with other tests
        return contexts[-1].new_page()

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_browser) -> Page:
    return open_browser()


@pytest.fixture(scope="session")
def definition():
    return definition_of(read_folder(ROOT))


@pytest.fixture
def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def story():
    return read(STORY)


def axe(page: Page) -> list[str]:
    """Return what axe-core finds against WCAG 2.2 AA on the page as it stands."""
    page.evaluate(AXE.read_text() + ";0")  # goes through the debugger, which a strict policy does not stop
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", WCAG)
    return [f"{v['id']} ({v['impact']}): {v['help']} {[n['target'] for n in v['nodes']]}" for v in found["violations"]]


def overflows(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
