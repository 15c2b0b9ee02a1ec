"""Signing in with the organisation's account: a real provider on loopback, and one that answers what it must not."""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count as numbers
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import func, select, update

from conftest import SteppedClock
from pages_site import HASH
from providers import (
    CLIENT,
    SECRET,
    BentProvider,
    RealProvider,
    Token,
    a_bent_provider,
    a_real_provider,
    public_pem,
    rsa_key,
)
from service.app import create_app
from service.runtime.practice import add_accounts
from service.runtime.provider import Begun, NoSignIn, Provider, provider_of
from service.settings import Settings
from service.store.tables import account, account_event, account_identity, session
from service.store.transaction import reading, transaction
from web.conftest import FILES, PracticeSite, close

BASE = "https://service.example"
COOKIE = "__Host-signed_in"
OTHERS_KEY = rsa_key()
NUMBERS = numbers(1)


def settings_for(issuer: str, url: str, folder: Path) -> Settings:
    return Settings(
        database_url=url, data_folder=folder, public_url=BASE, secret_key="k" * 40, state_key="s" * 40,
        oidc_issuer=issuer, oidc_client_id=CLIENT, oidc_client_secret=SECRET,
    )  # fmt: skip


class Present(SteppedClock):
    """The machine's clock, which a provider in a process of its own goes by: it does not stand still."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


def a_site(issuer: str, url: str, folder: Path, clock: SteppedClock) -> PracticeSite:
    """A site in earnest, in which the auditor's account is shut and the operator's one for practice."""
    app = create_app(settings_for(issuer, url, folder), clock=clock, mailer=lambda letter: None)
    site = PracticeSite(app, app.extensions["service"], clock)
    site.service.deployments.deploy(None, FILES, "First version")
    add_accounts(site.service)
    with transaction(site.service.store) as db:
        db.execute(update(account).where(account.c.id != "operator").values(practice=False, password_hash=HASH))
        db.execute(update(account).where(account.c.id == "auditor").values(disabled_at=clock()))
    return site


@pytest.fixture(scope="module")
def real() -> Iterator[RealProvider]:
    with a_real_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def site(shared_database_url, tmp_path_factory, real) -> Iterator[PracticeSite]:
    """A site that has the real provider, on each kind of database."""
    site = a_site(real.issuer, shared_database_url, tmp_path_factory.mktemp("oidc"), Present())
    yield site
    close(site)


@pytest.fixture(scope="module")
def bent_module() -> Iterator[BentProvider]:
    with a_bent_provider(SteppedClock()) as provider:
        yield provider


@pytest.fixture
def bent(bent_module) -> Iterator[BentProvider]:
    yield bent_module
    bent_module.bend = bent_module.describe = lambda given: None


@pytest.fixture(scope="module")
def wary(sqlite_template, tmp_path_factory, bent_module) -> Iterator[PracticeSite]:
    """A site that has the provider whose answers can be bent."""
    folder = tmp_path_factory.mktemp("wary")
    (folder / "cases.db").write_bytes(sqlite_template.read_bytes())
    site = a_site(bent_module.issuer, f"sqlite:///{folder / 'cases.db'}", folder, bent_module.clock)
    yield site
    close(site)


class Person:
    """Somebody at a browser that is not signed in."""

    def __init__(self, site: PracticeSite) -> None:
        self.site, self.client = site, site.app.test_client()

    def get(self, path: str):
        return self.client.get(path, base_url=BASE)

    def led(self, onward: str = "") -> str:
        """Where the provider is, as the button says."""
        answer = self.get("/sign-in/provider" + onward)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def back(self, address: str):
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == BASE + "/sign-in/provider/back"
        return self.get(f"{parts.path}?{parts.query}")

    @property
    def token(self) -> str | None:
        cookie = self.client.get_cookie(COOKIE, domain="service.example")
        return cookie.value if cookie else None


def count(site: PracticeSite, table) -> int:
    with reading(site.service.store) as db:
        return db.execute(select(func.count()).select_from(table)).scalar_one()


def test_people_sign_in_with_their_organisations_account_and_are_known_again(site, real, caplog):
    caplog.set_level(logging.DEBUG)
    real.knows("u1", email="Watcher@practice.invalid", email_verified=True)
    before = count(site, account)
    watcher = Person(site)
    page = watcher.get("/sign-in?next=/cases").text
    [onward] = re.findall(r'href="/sign-in/provider([^"]*)"', page)
    assert page.index("Sign in with your organisation’s account") < page.index("Email address")
    address = watcher.led(onward)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT, BASE + "/sign-in/provider/back")
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    back = real.signs_in(address, "u1")
    answer = watcher.back(back)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/cases")
    assert "Tasks: my tasks" in watcher.get("/tasks").text
    first = watcher.token

    real.knows("u1", email="new.name@practice.invalid", email_verified=False)
    watcher.back(real.signs_in(watcher.led(), "u1"))
    entrance = site.service.entrance
    assert entrance.actor(watcher.token).account_id == "watcher"
    assert (watcher.token != first, entrance.actor(first)) == (True, None)
    with reading(site.service.store) as db:
        noted = db.execute(select(account_event.c.account_id, account_event.c.what)).all()
    assert noted == [("watcher", "bound to the organisation")]
    assert count(site, account) == before
    code = parse_qs(urlsplit(back).query)["code"][0]
    for secret in (code, SECRET, asked["nonce"], "practice.invalid", "id_token", "eyJ"):
        assert secret not in caplog.text


def changed(back: str, **given: str | None) -> str:
    """The address with other words in its query; ``None`` takes one out."""
    parts = urlsplit(back)
    query = {name: value for name, value in {**dict(parse_qsl(parts.query)), **given}.items() if value is not None}
    return parts._replace(query=urlencode(query)).geturl()


def known(email: str, *, verified: object = True, **asks: str | None) -> Callable[[RealProvider, Person], str]:
    """Somebody of this address, new to the service; ``asks`` is changed in what the provider is asked for."""

    def way(real: RealProvider, person: Person) -> str:
        subject = f"somebody{next(NUMBERS)}"
        real.knows(subject, email=email, email_verified=verified)
        address = person.led()
        return real.signs_in(changed(address, **asks) if asks else address, subject)

    return way


def good(real: RealProvider, person: Person) -> str:
    return known("officer@practice.invalid")(real, person)


def used_twice(real: RealProvider, person: Person) -> str:
    """Somebody was quicker, with the same cookie: the provider itself must refuse."""
    back = good(real, person)
    with person.client.session_transaction(base_url=BASE) as browser:
        begun = Begun(**browser["begun"][0])
    assert person.site.service.provider.identity(parse_qs(urlsplit(back).query)["code"][0], begun).subject
    return back


def once_more(real: RealProvider, person: Person) -> str:
    """The same address again, which the browser no longer waits for."""
    back = known("nobody.here@practice.invalid")(real, person)
    assert person.back(back).status_code == 422
    return back


def bound_already(real: RealProvider, person: Person) -> str:
    """Two people of the provider with one address: the first one is bound."""
    real.knows("first", email="process_owner@practice.invalid", email_verified=True)
    with transaction(person.site.service.store) as db:
        db.execute(account_identity.delete())
        row = {"issuer": real.issuer, "subject": "first", "account_id": "process_owner"}
        db.execute(account_identity.insert().values(**row, bound_at=person.site.clock()))
    return known("process_owner@practice.invalid")(real, person)


BAD_WAYS = {
    "state wrong": lambda real, person: changed(good(real, person), state="another"),
    "state missing": lambda real, person: changed(good(real, person), state=None),
    "code missing": lambda real, person: changed(good(real, person), code=None),
    "code made up": lambda real, person: changed(good(real, person), code="made-up"),
    "code used twice": used_twice,
    "address used twice": once_more,
    "not begun here": lambda real, person: good(real, Person(person.site)),
    "another issuer’s answer": lambda real, person: changed(good(real, person), iss="https://id.example"),
    "said no at the provider": lambda real, person: real.denies(person.led()),
    "nonce left out on the way": known("officer@practice.invalid", nonce=None),
    "nonce put in on the way": known("officer@practice.invalid", nonce="mine"),
    "unverified address": known("officer@practice.invalid", verified=False),
    "address verified in words": known("officer@practice.invalid", verified="true"),
    "address that looks like one": known("cler\u212a@practice.invalid"),  # a Kelvin sign
    "unknown subject and address": known("stranger@practice.invalid"),
    "address of another bound account": bound_already,
    "disabled account": known("auditor@practice.invalid"),
    "practice account": known("operator@practice.invalid"),
}


@pytest.mark.parametrize("way", BAD_WAYS.values(), ids=BAD_WAYS)
def test_who_comes_back_with_something_bad_is_told_so_and_is_not_inside(site, real, way, caplog):
    person = Person(site)
    back = way(real, person)
    refused(person, back, caplog)


def refused(person: Person, back: str, caplog) -> None:
    """A clear page, no session, nothing bound, and nothing of what came in the log."""
    tables = (session, account_identity, account_event, account)
    before = [count(person.site, table) for table in tables]
    answer = person.back(back)
    assert answer.status_code == 422
    assert "You are not signed in" in answer.text
    assert "@" not in answer.text
    assert person.token is None
    assert [count(person.site, table) for table in tables] == before
    assert all(word not in caplog.text for word in ("practice.invalid", "canary", "eyJ", back.partition("?")[2]))


def claim(**given: object) -> Callable[[Token], None]:
    """Other claims; ``None`` leaves one out."""

    def bend(token: Token) -> None:
        token.claims = {name: value for name, value in {**token.claims, **given}.items() if value is not None}

    return bend


def moved(**seconds: int) -> Callable[[Token], None]:
    return lambda token: token.claims.update({name: token.claims["iat"] + by for name, by in seconds.items()})


def signed(key: object, **header: str) -> Callable[[Token], None]:
    def bend(token: Token) -> None:
        token.header |= header
        token.key = key(token.key) if callable(key) else key

    return bend


BAD_TOKENS = {
    "wrong issuer": claim(iss="https://id.example"),
    "wrong audience": claim(aud="somebody-elses"),
    "made for somebody else too": claim(aud=[CLIENT, "other"]),
    "asked for by somebody else": claim(aud=[CLIENT, "other"], azp="other"),
    "expired 60 seconds ago": moved(exp=-60),
    "never expires": claim(exp=None),
    "expires at a word": claim(exp="never"),
    "issued in the future": moved(iat=60),
    "counts later": moved(nbf=60),
    "nonce missing": claim(nonce=None),
    "nonce other": claim(nonce="another"),
    "about nobody": claim(sub=None),
    "about a number": claim(sub=7),
    "subject with a NUL": claim(sub="u\0"),
    "subject of half a character": claim(sub="\ud800"),
    "access token other": claim(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "alg none": signed(None, alg="none"),
    "alg HS256 with the public key": signed(public_pem, alg="HS256"),
    "alg HS256 with a shared key of the set": signed(b"secret", alg="HS256", kid="shared"),
    "alg ES256 with a key of the other kind": signed(lambda key: key, alg="ES256"),
    "unknown kid": signed(OTHERS_KEY, kid="nobody knows"),
    "another tenant’s key": signed(OTHERS_KEY),
}


@pytest.mark.parametrize("bend", BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_a_token_that_is_not_as_it_must_be_lets_nobody_in(wary, bent, bend, caplog):
    bent.bend = bend
    bent.knows("u1", email="clerk@practice.invalid", email_verified=True)
    wary.clock.pass_by(hours=25)  # failures of the tokens before are forgotten
    person = Person(wary)
    refused(person, bent.signs_in(person.led(), "u1"), caplog)


def test_a_key_of_the_other_kind_and_a_new_key_are_taken_as_they_come(wary, bent):
    bent.knows("u2", email="officer@practice.invalid", xms_edov=True)
    wary.clock.pass_by(hours=25)

    def comes_in() -> int:
        person = Person(wary)
        return person.back(bent.signs_in(person.led(), "u2")).status_code

    assert comes_in() == 303
    bent.kid, bent.key = "second", ec.generate_private_key(ec.SECP256R1())
    assert comes_in() == 422  # the issuer is not asked for its keys again and again
    wary.clock.pass_by(seconds=61)
    assert comes_in() == 303


def test_tokens_that_are_bad_make_their_network_wait(wary, bent):
    bent.bend = claim(nonce="another")
    bent.knows("u1", email="clerk@practice.invalid", email_verified=True)
    wary.clock.pass_by(hours=25)
    answers = []
    for _ in range(31):
        person = Person(wary)
        answers.append(person.back(bent.signs_in(person.led(), "u1")).status_code)
    assert answers == [422] * 30 + [429]


def test_a_sign_in_left_for_too_long_is_over(wary, bent):
    wary.clock.pass_by(hours=25)
    bent.knows("u1", email="clerk@practice.invalid", email_verified=True)
    person = Person(wary)
    back = bent.signs_in(person.led(), "u1")
    wary.clock.pass_by(minutes=16)
    assert "took too long" in person.back(back).text


BAD_DESCRIPTIONS = {
    "of another issuer": {"issuer": "https://id.example"},
    "of any tenant": {"issuer": "https://id.example/{tenantid}/v2.0"},
    "without keys": {"jwks_uri": None},
    "keys that can be changed on the way": {"jwks_uri": "http://id.example/keys"},
    "an address that is none": {"token_endpoint": "https://["},
    "longer than any": {"more": "x" * 1_100_000},
}


@pytest.mark.parametrize("given", BAD_DESCRIPTIONS.values(), ids=BAD_DESCRIPTIONS)
def test_an_issuer_that_describes_itself_badly_is_not_gone_to(bent, given):
    bent.describe = lambda description: description.update(given)
    settings = settings_for(bent.issuer, "", Path())
    with pytest.raises(NoSignIn, match="did not answer as it should"):
        provider_of(settings, bent.clock).begin()


def test_a_provider_that_is_away_gives_a_page_that_says_so(wary, monkeypatch):
    away = Provider("http://127.0.0.1:9", CLIENT, SECRET, BASE, wary.clock)
    monkeypatch.setitem(wary.app.extensions, "service", replace(wary.service, provider=away))
    answer = Person(wary).get("/sign-in/provider")
    assert answer.status_code == 422
    assert "did not answer as it should" in answer.text
