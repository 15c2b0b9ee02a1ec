"""Two partnerships with a case each, a draft, and a signed-in browser of every kind of visitor."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import insert, select

from service.store import tables
from service.store.transaction import reading, transaction
from visitor import Visitor, a_day

if TYPE_CHECKING:
    from web.conftest import PracticeSite

STAFF = ("clerk", "officer", "process_owner", "auditor", "operator", "administrator", "information_officer")
VISITORS = ("nobody", "disabled", "foreign", *STAFF)
FOREIGN = ("clerk", "officer", "auditor", "operator")
OF_A_CASE = {"code", "task_id", "record_id"}
MEANS = {200: "yes", 303: "yes", 302: "yes", 422: "yes", 400: "yes", 403: "no", 404: "none", 409: "late", 415: "yes"}
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Streets:
    """The site, two cases of two partnerships, a draft, and a signed-in browser of every visitor."""

    def __init__(self, site: "PracticeSite") -> None:
        self.site = site
        with transaction(site.service.store) as db:
            db.execute(insert(tables.partnership).values(id="elsewhere", name="Elsewhere"))
            for name in ("foreign", "disabled"):
                row = {"id": name, "email": f"{name}@x.invalid", "name": name, "password_hash": "none"}
                db.execute(insert(tables.account).values(**row, practice=True))
            for role in FOREIGN:
                self._joins(db, "foreign", "elsewhere", role)
            for role in FOREIGN:
                self._joins(db, "disabled", "practice", role)
        self.browsers = {name: site.visit(None if name == "nobody" else name) for name in VISITORS}
        with transaction(site.service.store) as db:
            here = tables.account.c.id == "disabled"
            db.execute(tables.account.update().where(here).values(disabled_at=LONG_AGO))
        self.here, self.there = self._case("clerk"), self._case("foreign")
        owner = self.browsers["process_owner"]
        with reading(site.service.store) as db:
            self.hash = db.execute(select(tables.process_definition.c.hash)).scalars().first()
        sent = {"csrf_token": token(owner), "based_on": self.hash, "name": "Mine"}
        assert owner.client.post("/drafts", data=sent).status_code == 303
        with reading(site.service.store) as db:
            self.draft = db.execute(select(tables.draft.c.id)).scalar_one()

    @staticmethod
    def _joins(db, name: str, partnership: str, role: str) -> None:
        row = {"id": uuid4().hex, "account_id": name, "partnership_id": partnership, "role": role}
        db.execute(insert(tables.membership).values(**row, granted_by="x", reason="x", from_at=LONG_AGO))

    def _case(self, who: str) -> Mapping[str, str]:
        """Start a case, check it, and return what addresses name of it; its open task is the officer's."""
        visitor, start = self.browsers[who], "/cases/start/application_received"
        page = visitor.get(start)
        visitor.send(page, start, address="1 Oak Road", work="felling", **a_day("received_on", 29, 5, 2013))
        task = visitor.get("/tasks?list=groups").link("Check the application")
        visitor.send(visitor.get(task), task, complete="yes", notes="All there.")
        with reading(self.site.service.store) as db:
            last = select(tables.process_instance).order_by(tables.process_instance.c.code.desc())
            case = db.execute(last).first()
            of_case = tables.user_task.c.instance_id == case.id
            task_id = db.execute(
                select(tables.user_task.c.id).where(of_case, tables.user_task.c.closed_at.is_(None))
            ).scalars().first()  # fmt: skip
            record = db.execute(select(tables.record.c.id).where(tables.record.c.instance_id == case.id)).scalars()
            return {"code": case.code, "task_id": task_id, "record_id": record.first()}

    def addresses(self) -> Iterator[tuple[str, str, str, frozenset[str]]]:
        """Every route as 'METHOD rule', its method, its pattern, and what the pattern names."""
        for rule in self.site.app.url_map.iter_rules():
            for method in sorted(rule.methods & {"GET", "POST"}):
                yield f"{method} {rule.rule}", method, rule.rule, frozenset(rule.arguments)

    def rule(self, name: str) -> str:
        """The access rule of a route's view."""
        method, _, pattern = name.partition(" ")
        rules = self.site.app.url_map.iter_rules()
        endpoint = next(r.endpoint for r in rules if r.rule == pattern and method in r.methods)
        return self.site.app.view_functions[endpoint].access

    def address(self, pattern: str, case: Mapping[str, str]) -> str:
        given = {
            **case, "process_id": "application", "message": "more_time_allowed", "draft_id": self.draft,
            "definition_hash": self.hash, "filename": "site.css", "reference": "0" * 12, "number": "1",
            "form": "csv" if "documents" in pattern else "application", "document_id": "letter",
            "account_id": "watcher", "membership_id": "watcher-watcher", "what": "disable", "token": "none",
            "name": "0" * 16,
        }  # fmt: skip
        if pattern == "/cases/start/<message>":
            given["message"] = "application_received"
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: given[found[1]], pattern)

    def meets(self, who: str, method: str, address: str) -> str:
        """What a visitor meets, as a cell says it."""
        client = self.browsers[who].client
        data = {"csrf_token": token(self.browsers[who]), "key": str(uuid4())} if method == "POST" else None
        if address == "/sign-out":
            return "yes"  # everybody may, and then meets nothing else
        answer = client.open(address, method=method, data=data)
        answer.close()
        if answer.status_code == 303 and answer.headers["Location"].startswith("/sign-in"):
            return "in"
        return MEANS.get(answer.status_code, str(answer.status_code))


def token(visitor: Visitor) -> str:
    if not hasattr(visitor, "token"):
        page = visitor.client.get("/tasks", follow_redirects=True).text
        visitor.token = re.search('name="csrf_token"[^>]*value="([^"]+)', page)[1]
    return visitor.token
