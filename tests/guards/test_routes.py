"""Every address names who may open it, and none appears, vanishes or changes hands unnoticed.

After a change that is meant: ``python tests/guards/test_routes.py > tests/golden/routes.json``; look at the difference.
"""

import json
import tempfile
from pathlib import Path

from service.app import create_app
from service.settings import Settings
from service.web.security import RULES

GOLDEN = Path(__file__).parents[1] / "golden" / "routes.json"
FOR_ANYBODY = {
    "static", "pages.home", "pages.brand", "auth.sign_in", "auth.open_session", "auth.sign_out", "auth.second",
    "auth.set_up", "auth.invitation", "auth.to_provider", "auth.from_provider",
}  # fmt: skip


def routes(folder):
    """Return every address as 'METHODS address' with its endpoint and access rule."""
    settings = Settings(data_folder=Path(folder), secret_key="k" * 40)
    app = create_app(settings, clock=lambda: None, mailer=lambda letter: None)
    found = {}
    for rule in app.url_map.iter_rules():
        methods = " ".join(sorted(rule.methods - {"HEAD", "OPTIONS"}))
        access = getattr(app.view_functions[rule.endpoint], "access", None)
        found[f"{methods} {rule.rule}"] = {"endpoint": rule.endpoint, "access": access}
    return dict(sorted(found.items(), key=lambda item: item[0].rsplit(" ", 1)[::-1]))


def test_every_address_names_who_may_open_it(tmp_path):
    unguarded = [address for address, route in routes(tmp_path).items() if route["access"] not in RULES]
    assert unguarded == []


def test_what_anybody_may_open_is_what_we_think(tmp_path):
    public = {r["endpoint"] for r in routes(tmp_path).values() if r["access"] in {"public", "practice"}}
    assert public == FOR_ANYBODY


def test_addresses_are_those_agreed(tmp_path):
    assert routes(tmp_path) == json.loads(GOLDEN.read_text())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(routes(folder), indent=2))
