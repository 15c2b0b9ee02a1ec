"""Signing in and out, and what every answer says to the browser."""

import re

import pytest

from service.app import create_app
from service.runtime import passwords
from service.settings import Settings
from service.store.tables import account, session
from service.store.transaction import transaction
from visitor import Visitor


def test_a_stranger_is_led_to_sign_in_and_on_to_where_they_wanted_to_go(site):
    stranger = site.visit()
    page = stranger.get("/cases")
    assert page.heading == "Sign in"
    assert page.form("/sign-in")["next"] == "/cases"
    page = stranger.sign_in("clerk", onward="/cases")
    assert page.path == "/cases"


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(site, elsewhere):
    page = site.visit().sign_in("clerk", onward=elsewhere)
    assert page.path == "/tasks"


def test_a_wrong_password_and_an_unknown_person_are_told_apart_by_nothing(site):
    said = set()
    for email, password in [("clerk@practice.invalid", "wrong"), ("nobody@practice.invalid", "practice")]:
        visitor = site.visit()
        page = visitor.get("/sign-in")
        answer = visitor.post("/sign-in", {**page.form("/sign-in"), "email": email, "password": password}, status=422)
        assert answer.value("email") == email
        assert answer.value("password") in {None, ""}
        said.add(answer.text.replace(email, ""))
    assert len(said) == 1


def test_what_is_missing_is_named(site):
    visitor = site.visit()
    page = visitor.get("/sign-in")
    answer = visitor.post("/sign-in", {**page.form("/sign-in"), "email": "", "password": ""}, status=422)
    assert "Enter your email address" in answer.text
    assert "Enter your password" in answer.text


def test_practice_accounts_are_listed_with_their_roles_and_sign_in_with_one_click(site):
    visitor = site.visit()
    page = visitor.get("/sign-in")
    assert "Tree officer" in page.text
    assert "Every practice account has the password practice" in page.text
    assert visitor.send(page, "/sign-in").path == "/tasks"


def test_signing_out_ends_the_session_and_not_only_the_cookie(site):
    visitor = site.visit("clerk")
    token = visitor.client.get_cookie("signed_in").value
    page = visitor.send(visitor.get("/tasks"), "/sign-out")
    assert "You have signed out" in page.text
    assert visitor.client.get_cookie("signed_in") is None
    visitor.client.set_cookie("signed_in", token)
    assert visitor.get("/tasks").heading == "Sign in"


def test_an_idle_session_ends(site):
    visitor = site.visit("clerk")
    site.clock.pass_by(minutes=31)
    assert visitor.get("/tasks").heading == "Sign in"


def test_a_made_up_token_opens_nothing(site):
    visitor = site.visit()
    visitor.client.set_cookie("signed_in", "x" * 43)
    assert visitor.get("/tasks").heading == "Sign in"


def test_the_session_cookie_is_out_of_reach_of_scripts(site):
    visitor = site.visit()
    page = visitor.get("/sign-in")
    sent = {**page.form("/sign-in"), "email": "clerk@practice.invalid", "password": "practice"}
    cookies = visitor.client.post("/sign-in", data=sent).headers.getlist("Set-Cookie")
    [cookie] = [c for c in cookies if c.startswith("signed_in=")]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_every_answer_is_kept_nowhere_and_framed_nowhere(site):
    headers = site.visit("clerk").get("/tasks").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "Strict-Transport-Security" not in headers


def test_the_nonce_is_new_on_every_page(site):
    visitor = site.visit("clerk")
    assert (
        visitor.get("/tasks").headers["Content-Security-Policy"]
        != visitor.get("/tasks").headers["Content-Security-Policy"]
    )


def test_a_form_without_its_token_is_refused(site):
    visitor = site.visit("clerk")
    page = visitor.post("/cases/start/application_received", {"address": "1 Oak Road"}, status=400)
    assert page.heading == "This page can no longer be sent"


def test_a_form_sent_by_another_site_is_refused(site):
    visitor = site.visit("clerk")
    form = visitor.get("/practice/date").form("/practice/date")
    answer = visitor.client.post(
        "/practice/date", data={**form, "step": "day"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 400


def test_every_page_says_that_this_is_practice(site):
    for page in (site.visit().get("/sign-in"), site.visit("clerk").get("/tasks")):
        assert "Practice site: every application here is invented" in page.html


def test_the_practice_date_moves_and_what_falls_due_happens(site):
    site.checked()
    officer = site.visit("officer")
    page = officer.get("/practice/date")
    assert "Today is Wednesday 29 May 2013" in page.text
    assert "There is a problem" in officer.send(page, "/practice/date", status=422).text
    for step in ("month", "week"):
        page = officer.send(page, "/practice/date", step=step)
    assert "Friday 5 July 2013" in page.text
    assert "Say why the decision is late" in officer.get("/tasks?list=groups").text


def test_the_colour_of_the_organisation_comes_from_its_deployment(site):
    css = site.visit().client.get("/brand.css").text
    assert "--app-brand:#00594f" in css
    assert "--app-brand-text:#ffffff" in css


def test_every_route_names_its_access_rule(site):
    nameless = [
        r.endpoint for r in site.app.url_map.iter_rules() if not hasattr(site.app.view_functions[r.endpoint], "access")
    ]
    assert nameless == []


def test_a_route_without_a_rule_is_closed(site):
    site.app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    page = Visitor(site.app).get("/forgotten", status=500)
    assert "secret" not in page.html


def test_outside_practice_mode_nothing_of_practice_is_there_and_cookies_stay_on_https(site):
    settings = Settings(
        data_folder=site.service.settings.data_folder, secret_key="k" * 32, public_url="https://service.example"
    )
    app = create_app(settings, clock=site.clock, mailer=lambda letter: None)
    client = app.test_client()
    page = client.get("/sign-in", base_url="https://service.example")
    assert "Practice" not in page.text
    assert "Strict-Transport-Security" in page.headers
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text).group(1)
    sent = {"csrf_token": token, "email": "clerk@practice.invalid", "password": "practice"}
    assert client.post("/sign-in", data=sent, base_url="https://service.example").status_code == 422
    with transaction(site.service.store) as db:  # the same person with an account of their own
        db.execute(account.update().where(account.c.id == "clerk").values(practice=False))
    answer = client.post("/sign-in", data=sent, base_url="https://service.example")
    assert answer.status_code == 303
    [cookie] = [c for c in answer.headers.getlist("Set-Cookie") if c.startswith("__Host-signed_in=")]
    assert "Secure" in cookie
    assert "Path=/" in cookie
    with transaction(site.service.store) as db:  # as if they had shown their second factor
        db.execute(session.update().values(second_at=site.clock()))
    assert client.get("/practice/date", base_url="https://service.example").status_code == 404
    app.extensions["service"].store.writers.dispose()
    app.extensions["service"].store.readers.dispose()


def test_a_person_nobody_knows_is_checked_as_dearly_as_one_who_is_known():
    """The hash kept for that has the cost of those made today: otherwise the time an answer takes would tell."""
    assert not passwords._hasher.check_needs_rehash(passwords.NOBODYS)
