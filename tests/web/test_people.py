"""Entering and looking after accounts: the second factor, waiting after failures, invitations, roles, sessions."""

import base64
import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from conftest import SteppedClock
from pages_site import HASH, PASSWORD
from service.app import create_app
from service.core.errors import BrokenRule, NotAllowed
from service.runtime import failed_tries, passwords, second_factor
from service.runtime.practice import add_accounts
from service.settings import Settings
from service.store import accounts, people
from service.store.tables import account, account_event, failed_try, session
from service.store.transaction import reading, transaction
from service.web.request_door import client_address
from visitor import Visitor
from web.conftest import FILES, PracticeSite, close

STEP = second_factor.STEP_SECONDS
NUMBERS = count(1)
BASE = "https://service.example"


@pytest.fixture(scope="module")
def prepared(sqlite_template, tmp_path_factory) -> Path:
    """A database with the small definition and an account of each role, each with a password and nothing else."""
    path = tmp_path_factory.mktemp("prepared") / "cases.db"
    path.write_bytes(sqlite_template.read_bytes())
    close(a_site(f"sqlite:///{path}", path.parent, SteppedClock(), empty=True))
    return path


@pytest.fixture
def earnest(prepared, tmp_path, clock, quick) -> Iterator[PracticeSite]:
    """A site that is no practice site."""
    (tmp_path / "cases.db").write_bytes(prepared.read_bytes())
    site = a_site(f"sqlite:///{tmp_path / 'cases.db'}", tmp_path, clock)
    yield site
    close(site)


@pytest.fixture
def both(database_url, tmp_path, clock, quick) -> Iterator[PracticeSite]:
    """The same on each kind of database."""
    site = a_site(database_url, tmp_path, clock, empty=True)
    yield site
    close(site)


@pytest.fixture
def quick(monkeypatch) -> None:
    """Hashes are dear by design: ones that are quick to make and to check. The checking is the real one."""
    monkeypatch.setattr(passwords, "hash_of", lambda _password: HASH)
    monkeypatch.setattr(passwords, "NOBODYS", HASH)


def a_site(url: str, folder: Path, clock: SteppedClock, *, empty: bool = False) -> PracticeSite:
    keys = {"secret_key": "k" * 40, "state_key": "s" * 40}
    settings = Settings(database_url=url, data_folder=folder, public_url=BASE, **keys)
    app = create_app(settings, clock=clock, mailer=lambda letter: None)
    site = PracticeSite(app, app.extensions["service"], clock)
    if empty:
        site.service.deployments.deploy(None, FILES, "First version")
        add_accounts(site.service)
        with transaction(site.service.store) as db:
            db.execute(update(account).values(practice=False, password_hash=HASH))
    return site


class Person:
    """Somebody at a browser, with an app on their telephone."""

    def __init__(self, site: PracticeSite) -> None:
        self.site, self.client = site, site.app.test_client()
        self.token, self.secret, self.page = "", b"", ""

    def get(self, path: str, status: int = 200) -> str:
        return self._shown(self.client.get(path, base_url=BASE, follow_redirects=True), status)

    def send(self, path: str, status: int = 200, **fields: str) -> str:
        data = {"csrf_token": self.token, "key": f"00000000-0000-4000-8000-{next(NUMBERS):012}", **fields}
        return self._shown(self.client.post(path, base_url=BASE, data=data, follow_redirects=True), status)

    def _shown(self, answer, status: int) -> str:
        assert answer.status_code == status, answer.text
        self.page, self.path = answer.text, answer.request.path
        self.token = next(iter(re.findall(r'name="csrf_token" value="([^"]+)"', self.page)), self.token)
        return self.page

    def heading(self) -> str:
        return re.sub(r"<[^>]+>", "", re.search(r"<h1.*?</h1>", self.page, re.DOTALL)[0]).strip()

    def sign_in(self, name: str, password: str = PASSWORD, status: int = 200) -> "Person":
        self.get("/sign-in")
        self.send("/sign-in", status, email=f"{name}@practice.invalid", password=password)
        return self

    def code(self, later: int = 0) -> str:
        """What the app shows now, or some steps later."""
        return second_factor.code_at(self.secret, int(self.site.clock().timestamp()) // STEP + later)

    def set_up(self) -> list[str]:
        """Set the second factor up and return the recovery codes."""
        key = re.search(r'class="app-key">([^<]+)<', self.page)[1].replace(" ", "")
        self.secret = base64.b32decode(key)
        self.send("/sign-in/set-up", code=self.code())
        return re.findall(r"<code>([^<]+)</code>", self.page)

    def inside(self, name: str) -> "Person":
        self.sign_in(name).set_up()
        return self


def test_nobody_is_inside_before_a_second_factor_is_set_up_and_shown(both):
    clerk = Person(both).sign_in("clerk")
    assert clerk.heading() == "Set up your second factor"
    clerk.get("/tasks")
    assert clerk.heading() == "Sign in"
    clerk.get("/sign-in/set-up")
    assert "The code is not right" in clerk.send("/sign-in/set-up", 422, code="000000")
    codes = clerk.set_up()
    assert (len(codes), len(set(codes))) == (10, 10)
    clerk.get("/tasks")
    assert clerk.heading() == "Tasks: my tasks"
    with reading(both.service.store) as db:
        kept = repr(db.execute(select(account)).all())
    assert base64.b32encode(clerk.secret).decode() not in kept
    assert repr(clerk.secret) not in kept

    again = Person(both).sign_in("clerk")
    again.secret = clerk.secret
    assert again.heading() == "Enter the code from your app"
    assert "not right, or was used before" in again.send("/sign-in/code", 422, code=again.code())
    both.clock.pass_by(seconds=STEP)
    again.send("/sign-in/code", code=again.code())
    assert again.heading() == "Tasks: my tasks"


def test_a_recovery_code_counts_once_and_fresh_ones_end_those_before(both):
    first, *others, secret = _codes(both)
    for code, status in ((first.upper().replace("-", " "), 200), (first, 422)):
        Person(both).sign_in("clerk").send("/sign-in/code", status, code=code)
    clerk = Person(both).sign_in("clerk")
    clerk.send("/sign-in/code", code=others[0])
    clerk.secret = secret
    both.clock.pass_by(seconds=2 * STEP)
    assert "8 of your recovery codes are unused" in clerk.get("/account")
    fresh = re.findall(r"<code>([^<]+)</code>", clerk.send("/account/codes", code=clerk.code()))
    Person(both).sign_in("clerk").send("/sign-in/code", 422, code=others[1])
    Person(both).sign_in("clerk").send("/sign-in/code", code=fresh[1])


def _codes(site: PracticeSite) -> list:
    """The clerk's recovery codes and, last, the secret in their app."""
    clerk = Person(site).sign_in("clerk")
    return [*clerk.set_up(), clerk.secret]


def test_the_token_is_a_new_one_at_every_rank_and_the_old_one_dead(earnest):
    clerk = Person(earnest).sign_in("clerk")
    before = clerk.client.get_cookie("__Host-signed_in", domain="service.example").value
    clerk.set_up()
    after = clerk.client.get_cookie("__Host-signed_in", domain="service.example").value
    assert before != after
    assert earnest.service.entrance.actor(before) is None
    assert earnest.service.entrance.half(before) is None
    assert earnest.service.entrance.actor(after).account_id == "clerk"


def test_a_half_session_is_over_after_ten_minutes(earnest):
    clerk = Person(earnest).sign_in("clerk")
    earnest.clock.pass_by(minutes=11)
    clerk.get("/sign-in/set-up")
    assert clerk.heading() == "Sign in"


@pytest.mark.parametrize("who", ["clerk", "nobody.at.all"])
def test_after_five_failures_everybody_waits_whoever_they_claim_to_be(earnest, who):
    """Counted in the database: another process, here another browser, counts on; waiting tells nothing."""
    for _ in range(5):
        Person(earnest).sign_in(who, "not the password", 422)
    waits = Person(earnest).sign_in(who, status=429)
    assert "Wait 1 minute, then try again." in waits.page
    with reading(earnest.service.store) as db:
        assert who not in repr(db.execute(select(failed_try)).all())
    earnest.clock.pass_by(seconds=61)
    Person(earnest).sign_in(who, "not the password", 422)
    assert "Wait 2 minutes" in Person(earnest).sign_in(who, status=429).page


def test_a_password_that_is_right_at_last_forgets_the_failures(earnest):
    for _ in range(3):
        for _ in range(4):
            Person(earnest).sign_in("clerk", "not the password", 422)
        Person(earnest).sign_in("clerk")


def test_the_second_factor_cannot_be_guessed_either(earnest):
    codes = _codes(earnest)
    thief = Person(earnest).sign_in("clerk")
    for _ in range(5):
        thief.send("/sign-in/code", 422, code="123456")
    thief.send("/sign-in/code", 429, code=codes[0])


def test_sixty_addresses_made_up_in_a_header_are_one_network(earnest):
    """The header counts only from a proxy of ours, and there only what the proxy itself added."""
    client = earnest.app.test_client()
    token = re.search(r'csrf_token" value="([^"]+)', client.get("/sign-in", base_url=BASE).text)[1]
    answers = []
    for number in range(60):
        data = {"csrf_token": token, "email": f"guess{number}@x.invalid", "password": "not the password"}
        headers = {"X-Forwarded-For": f"198.51.100.{number}"}
        answers.append(client.post("/sign-in", base_url=BASE, data=data, headers=headers).status_code)
    assert answers == [422] * 30 + [429] * 30


@pytest.mark.parametrize(
    ("proxies", "peer", "said", "found"),
    [
        ("", "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.0/8", "10.0.0.2", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.2", "198.51.100.1, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        ("10.0.0.0/8", "10.0.0.2", "<script>", "10.0.0.2"),
        ("10.0.0.0/8", "10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.0/8", "203.0.113.9", "10.0.0.2", "203.0.113.9"),
    ],
)
def test_where_a_request_comes_from_is_what_our_own_proxies_say(site, proxies, peer, said, found):
    site.app.config["PROXIES"] = Settings(proxies=proxies).proxy_networks
    with site.app.test_request_context(headers={"X-Forwarded-For": said}, environ_base={"REMOTE_ADDR": peer}):
        assert client_address() == found


def test_somebody_is_invited_chooses_a_password_is_given_a_role_and_is_shut_out(both):
    boss = Person(both).inside("administrator")
    boss.get("/people/invite")
    refused = boss.send("/people/invite", 422, email="no address", name="", reason="")
    assert "Give a reason" in refused
    boss.send("/people/invite", email="new@practice.invalid", name="New Person", reason="Asked for by the team.")
    address = re.search(r"https://service\.example(/invitation/[^<]+)<", boss.page)[1]

    new = Person(both)
    assert "New Person" in new.get(address)
    assert "first to be guessed" in new.send(address, 422, password="password1234")
    new.send(address, password=PASSWORD)
    new.get(address, 404)
    new.sign_in("new").set_up()
    assert "You have no role yet" in new.get("/account")

    them = f"/people/{_id(both, 'new')}"
    boss.get(f"{them}/roles")
    king = {"role": "king", "agency": "", "from": "", "until": "", "reason": "Why not."}
    assert "Choose a role" in boss.send(f"{them}/roles", 422, **king)
    given = {"role": "clerk", "agency": "", "until": "2013-06-30", "reason": "Stands in for June.", "from": ""}
    assert "Stands in for June." in boss.send(f"{them}/roles", **given)
    assert "Clerk" in new.get("/account")
    assert "until 30 June 2013, given by Administrator" in boss.page
    both.clock.to("2013-06-30T23:30")  # half past midnight on 1 July in London
    assert "clerk" not in _actor(both, "new").roles

    secret, boss = boss.secret, Person(both).sign_in("administrator")
    boss.secret = secret
    boss.send("/sign-in/code", code=boss.code())
    boss.send(f"{them}/disable", reason="Left the council.")
    assert "Shut" in boss.page
    Person(both).sign_in("new", status=422)
    assert "Role given: Clerk" in boss.get(them)
    with reading(both.service.store) as db:
        what = list(db.execute(select(account_event.c.what).order_by(account_event.c.number)).scalars())
    assert [w for w in what if "factor" not in w] == ["invited", "invitation accepted", "role given", "shut"]


def _id(site: PracticeSite, name: str) -> str:
    with reading(site.service.store) as db:
        return people.account_by_email(db, f"{name}@practice.invalid").id


def _actor(site: PracticeSite, name: str):
    with reading(site.service.store) as db:
        return people.actor(db, _id(site, name), site.clock())


def test_nobody_gives_themselves_a_role_under_whichever_account(earnest):
    boss = Person(earnest).inside("administrator")
    own = {"role": "clerk", "agency": "", "until": "", "from": "", "reason": "I would like to."}
    boss.get("/people/administrator/roles")
    assert "Nobody gives a role to themselves" in boss.send("/people/administrator/roles", 422, **own)
    boss.send("/people/clerk/person", email="administrator@practice.invalid", reason="It is the same person.")
    assert "Nobody gives a role to themselves" in boss.send("/people/clerk/roles", 422, **own)
    assert _actor(earnest, "clerk").person == _actor(earnest, "administrator").person
    boss.send("/people/auditor/person", email="officer@practice.invalid", reason="The same person too.")
    boss.send("/people/clerk/person", email="officer@practice.invalid", reason="All four are one.")
    assert len({_actor(earnest, who).person for who in ("clerk", "administrator", "auditor", "officer")}) == 1


def test_organisations_show_who_acts_for_them_and_what_took_over_from_them(earnest):
    agencies = json.loads(FILES["processes/agencies.json"])
    agencies[0]["successor"] = agencies[1]["id"]
    consultee = {"id": "consultee", "name": "NHS consultee", "description": "Asked.", "scope": "agency", "starts": []}
    roles = [*json.loads(FILES["processes/roles.json"]), {**consultee, "reads": [], "reach": "called"}]
    files = {
        **FILES, "processes/agencies.json": json.dumps(agencies), "processes/roles.json": json.dumps(roles)
    }  # fmt: skip
    earnest.service.deployments.deploy(None, files, "Highways take over from Parks")
    boss = Person(earnest).inside("administrator")
    boss.get("/people/officer/roles")
    given = {"role": "consultee", "agency": "highways", "until": "2013-06-30", "from": "", "reason": "For June."}
    boss.send("/people/officer/roles", **given)
    parks, highways = re.findall(r'<li class="app-list__row">(.*?)</li>', boss.get("/people/organisations"), re.DOTALL)
    assert "Its successor is Highways service" in parks
    assert "Took over from Parks service" in highways
    assert re.search(r'href="/people/officer">[^<]+</a>: NHS consultee</p>', highways)
    assert 'href="/people/officer"' not in parks
    earnest.clock.to("2013-06-30T23:30")  # July in London
    with reading(earnest.service.store) as db:
        assert accounts.acting(db, earnest.clock()) == {}


def test_only_those_who_administer_meet_these_pages(earnest):
    clerk = Person(earnest).inside("clerk")
    officer = ("/people/officer", "/people/officer/roles", "/people/officer/disable")
    for path in ("/people", "/people/invite", "/people/organisations", *officer):
        clerk.get(path, 403)
    clerk.get("/account")
    clerk.send("/people/officer/disable", 403, reason="I do not like them.")
    with pytest.raises(NotAllowed):
        earnest.service.administration.disable(_actor(earnest, "clerk"), "officer", "I do not like them.")


def test_a_reset_and_a_shut_account_end_sessions_at_once(earnest):
    boss, clerk, officer = (Person(earnest).inside(who) for who in ("administrator", "clerk", "officer"))
    boss.get("/people/clerk")
    boss.send("/people/clerk/reset", reason="Lost the telephone.")
    boss.send("/people/officer/disable", reason="On long leave.")
    for person in (clerk, officer):
        person.get("/tasks")
        assert person.heading() == "Sign in"
    assert Person(earnest).sign_in("clerk").heading() == "Set up your second factor"
    boss.send("/people/officer/enable", reason="Back again.")
    assert Person(earnest).sign_in("officer").heading() == "Enter the code from your app"


def test_a_changed_password_ends_every_other_session_and_one_can_be_ended_alone(earnest):
    clerk = Person(earnest).inside("clerk")
    with transaction(earnest.service.store) as db:
        for name in ("x", "y"):
            at = earnest.clock()
            row = {"token_hash": name * 64, "account_id": "clerk", "started_at": at, "seen_at": at, "second_at": at}
            db.execute(insert(session).values(row))
    clerk.get("/account")
    clerk.send(f"/account/sessions/{'x' * 16}/end")
    clerk.send(f"/account/sessions/{'x' * 16}/end", 404)
    assert "not your current password" in clerk.send("/account/password", 422, old="wrong", password=PASSWORD)
    assert "12 to 128" in clerk.send("/account/password", 422, old=PASSWORD, password="short")
    clerk.send("/account/password", old=PASSWORD, password="four very odd words")
    with reading(earnest.service.store) as db:
        assert len(people.sessions(db, "clerk", earnest.clock())) == 1


@pytest.mark.parametrize("given", ["short", "x" * 129, "Password1234!", "aaaaaaaaaaaaaaa", "Administrator99"])
def test_passwords_that_are_guessed_first_are_refused(given):
    with pytest.raises(BrokenRule):
        passwords.require_usable(given)


def test_what_was_done_to_accounts_is_never_changed(both):
    Person(both).inside("clerk")
    with pytest.raises(Exception, match="never changed or removed"), transaction(both.service.store) as db:
        db.execute(update(account_event).values(what="nothing"))


def test_waiting_is_bounded(store):
    """However many failures: a quarter of an hour, so that nobody can shut somebody else out for long."""
    at = SteppedClock()()
    one = failed_tries.of_address("a@x.invalid")
    for _ in range(40):
        with transaction(store) as db:
            failed_tries.failed(db, (one,), at)
    with transaction(store) as db, pytest.raises(failed_tries.TooManyTries) as waits:
        failed_tries.require_open(db, (one,), at)
    assert waits.value.until - at == failed_tries.LONGEST_WAIT


def test_the_codes_are_those_of_the_standard():
    """RFC 6238, appendix B, cut to six digits."""
    secret = b"12345678901234567890"
    seconds = (59, 1111111109, 1111111111, 1234567890, 2000000000, 20000000000)
    codes = ("287082", "081804", "050471", "005924", "279037", "353130")
    assert tuple(second_factor.code_at(secret, at // STEP) for at in seconds) == codes


def test_practice_accounts_need_nothing_more(site):
    visitor = Visitor(site.app)
    page = visitor.get("/sign-in")
    inside = visitor.send(page, "/sign-in", email="clerk@practice.invalid", password="practice")
    assert inside.heading == "Tasks: my tasks"
    assert "practice account" in visitor.get("/account").text
