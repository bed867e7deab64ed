"""The operators' commands, as typed."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import accounts
from catalog.accounts import check_password, find_token, redeem_login_link
from catalog.cli import COMMANDS
from catalog.database import current_revision
from catalog.errors import ConfigError
from catalog.photos.image_store import open_image_store, photo_key
from catalog.services import make_services
from catalog.settings import load_settings
from catalog.tables import Token
from stack.processes import Server


@pytest.fixture
def environment(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    monkeypatch.setattr(accounts, "_SCRYPT", {"n": 2**4, "r": 8, "p": 1})
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("IMAGE_STORE_URL", (tmp_path / "images").as_uri())
    monkeypatch.setenv("PUBLIC_URL", "https://look.example.com")
    return monkeypatch


def run(*words: str, typed: str | None = None, status: int = 0) -> str:
    name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
    rest = words[len(name.split()) :]
    result = CliRunner().invoke(COMMANDS[name], rest, input=typed, catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.output


def test_migrate_says_where_the_database_is(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    assert run("migrate") == f"The database is at {current_revision(empty_database_url)}.\n"
    assert run("migrate").endswith("already.\n")


def test_tokens_are_made_listed_and_revoked(
    environment: pytest.MonkeyPatch, session: Session
) -> None:
    secret = run("token", "create", "feed", "--scope", "ingest").strip()
    token = find_token(session, secret)
    assert token is not None
    session.rollback()
    listed = run("token", "list")
    assert "feed" in listed
    assert secret not in listed
    token_id = session.scalars(select(Token.id)).one()
    session.rollback()
    assert run("token", "revoke", str(token_id)) == "Revoked feed.\n"
    assert find_token(session, secret) is None


def test_users_are_made_with_a_typed_password_and_let_in_by_a_link(
    environment: pytest.MonkeyPatch, session: Session
) -> None:
    typed = "a long password\na long password\n"
    run("user", "create", "ada@example.com", "--admin", typed=typed)
    user = check_password(session, "ada@example.com", "a long password")
    assert user is not None
    assert user.is_admin
    session.rollback()
    address = run("user", "link", "ADA@example.com").strip()
    start = "https://look.example.com/login/link/"
    assert address.startswith(start)
    assert redeem_login_link(session, address.removeprefix(start)) is not None


def test_check_prints_differences_repairs_them_and_tells_by_its_status(
    environment: pytest.MonkeyPatch, edge_server: Server, redis_url: str, tmp_path: Path
) -> None:
    environment.setenv("QDRANT_URL", edge_server.url)
    environment.setenv("REDIS_URL", redis_url)
    assert "agree" in run("check")
    images = open_image_store((tmp_path / "images").as_uri())
    images.put(photo_key("a" * 64), b"stray", "image/jpeg")
    assert "without a photo" in run("check", status=1)
    assert "agree" in run("check", "--repair")
    assert not images.exists(photo_key("a" * 64))


def test_services_connect_only_when_they_are_used() -> None:
    settings = load_settings(
        {
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
            "REDIS_URL": "redis://127.0.0.1:9/0",
            "QDRANT_URL": "http://127.0.0.1:9",
            "IMAGE_STORE_URL": "file:///nowhere/at/all",
        }
    )
    make_services(settings).close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://localhost/x"),
        ("REDIS_URL", "amqp://localhost"),
        ("QDRANT_URL", "localhost:6333"),
        ("IMAGE_STORE_URL", "images"),
        ("MAX_PHOTO_PIXELS", "many"),
        ("SCORE_THRESHOLD", "2"),
        ("DEVICE", "tpu"),
        ("PHOTO_ATTEMPTS", "0"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings({name: value})
    assert caught.value.variable == name
    assert name in str(caught.value)


def test_a_shops_own_words_are_read_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "words.json"
    file.write_text('{"Hosen": ["pants", "jean"]}')
    settings = load_settings({"SHOP_WORDS_FILE": str(file)})
    assert settings.shop_words == {"hosen": ("pants", "jean")}
    for text in ('{"hosen": ["trousers"]}', "[]", "{", '{"hosen": 5}'):
        file.write_text(text)
        with pytest.raises(ConfigError):
            _ = load_settings({"SHOP_WORDS_FILE": str(file)}).shop_words
