"""Settings: every one has a meaning, wrong ones are refused in plain words, practice never meets production."""

from dataclasses import fields

import pytest

from service.settings import Settings, SettingsRefused, env_name

KEY = {"CASEWORK_SECRET_KEY": "k" * 32}
OIDC = {
    "CASEWORK_OIDC_ISSUER": "https://id.example", "CASEWORK_OIDC_CLIENT_ID": "casework",
    "CASEWORK_OIDC_CLIENT_SECRET": "given by the issuer", "CASEWORK_PUBLIC_URL": "https://cases.example",
}  # fmt: skip


def test_every_setting_says_what_it_means():
    assert [f.name for f in fields(Settings) if not f.metadata.get("means")] == []
    assert env_name("data_folder") == "CASEWORK_DATA_FOLDER"


def test_nothing_but_a_key_is_needed():
    settings = Settings.from_env(KEY)
    assert settings.practice is False
    assert settings.url.startswith("sqlite:///")


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "CASEWORK_SECRET_KEY must be set"),
        ({"CASEWORK_SECRET_KEY": "short"}, "at least 32 characters"),
        (KEY | {"CASEWORK_PORT": "eighty"}, "CASEWORK_PORT must be a whole number"),
        (KEY | {"CASEWORK_PORT": "70000"}, "CASEWORK_PORT"),
        (KEY | {"CASEWORK_PRACTICE": "perhaps"}, "CASEWORK_PRACTICE must be 1 or 0"),
        (KEY | {"CASEWORK_DATABASE_URL": "mysql://x"}, "must begin with sqlite:/// or postgresql"),
        (KEY | {"CASEWORK_STATE_KEY": "short"}, "CASEWORK_STATE_KEY must have at least 32"),
        (KEY | {"CASEWORK_STATE_KEY_PREVIOUS": "short"}, "CASEWORK_STATE_KEY_PREVIOUS must have at least 32"),
        (KEY | {"CASEWORK_DATABASE_URL": "postgresql://x"}, "CASEWORK_STATE_KEY must be set"),
        (KEY | {"CASEWORK_OIDC_ISSUER": "https://id.example"}, "must be set together"),
        (KEY | OIDC | {"CASEWORK_PUBLIC_URL": ""}, "must be set together"),
        (KEY | OIDC | {"CASEWORK_OIDC_ISSUER": "http://id.example"}, "CASEWORK_OIDC_ISSUER must be like https"),
        (KEY | OIDC | {"CASEWORK_OIDC_ISSUER": "http://127.0.0.1@id.example"}, "must be like https"),
        (KEY | OIDC | {"CASEWORK_OIDC_ISSUER": "https://[id"}, "must be like https"),
        (KEY | OIDC | {"CASEWORK_OIDC_ISSUER": "https://id.example/?tenant=any"}, "must be like https"),
        ({"CASEWORK_SECRET_KEY_FILE": "/nonesuch"}, "CASEWORK_SECRET_KEY_FILE names cannot be read"),
    ],
)
def test_what_cannot_work_is_refused(environ, says):
    with pytest.raises(SettingsRefused, match=says):
        Settings.from_env(environ)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CASEWORK_DATABASE_URL", "sqlite:///x"),
        ("CASEWORK_PUBLIC_URL", "https://cases.example"),
        ("CASEWORK_SMTP_URL", "smtp://mail.example"),
        ("CASEWORK_OIDC_ISSUER", "https://id.example"),
    ],
)
def test_practice_mode_refuses_to_stand_beside_production(name, value):
    with pytest.raises(SettingsRefused, match=f"cannot be switched on together with {name}"):
        Settings.from_env({"CASEWORK_PRACTICE": "1", name: value})


def test_a_provider_is_taken_with_all_its_settings():
    settings = Settings.from_env(KEY | OIDC)
    assert settings.oidc_issuer == "https://id.example"
    assert "given by the issuer" not in repr(settings)


def test_a_secret_may_be_handed_over_in_a_file(tmp_path):
    (tmp_path / "key").write_text("f" * 40 + "\n")
    assert Settings.from_env({"CASEWORK_SECRET_KEY_FILE": str(tmp_path / "key")}).secret_key == "f" * 40
