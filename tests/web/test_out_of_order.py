"""When the database is away people still get a page; what was open for practice is shut in earnest."""

import pytest

from service.app import create_service
from service.core.errors import NotAllowed
from service.runtime.practice import PASSWORD
from service.settings import Settings


def test_a_page_says_so_while_the_database_is_away(site, tmp_path):
    clerk = site.visit("clerk")
    site.service.store.writers.dispose()
    site.service.store.readers.dispose()
    (tmp_path / "cases.db").rename(tmp_path / "away.db")
    for path in ("/tasks", "/sign-in"):
        answer = clerk.client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert "The service cannot be used for a moment" in answer.text


def test_practice_accounts_are_shut_outside_practice(site, tmp_path, clock):
    assert site.service.entrance.sign_in("clerk@practice.invalid", PASSWORD)
    in_earnest = create_service(Settings(data_folder=tmp_path, secret_key="s" * 40), clock=clock, mailer=lambda _: None)
    with pytest.raises(NotAllowed):
        in_earnest.entrance.sign_in("clerk@practice.invalid", PASSWORD)
    in_earnest.store.writers.dispose()
    in_earnest.store.readers.dispose()


def test_settings_printed_by_mistake_hold_no_secret():
    settings = Settings(secret_key="SECRET", smtp_url="smtp://u:SECRET@x", database_url="postgresql://u:SECRET@x/y")
    assert "SECRET" not in repr(settings)
