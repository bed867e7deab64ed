"""Tokens, users and one-time links: secrets are shown once and checked by their hashes."""

import threading

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from catalog import accounts
from catalog.accounts import (
    check_password,
    create_token,
    create_user,
    find_token,
    list_tokens,
    make_login_link,
    redeem_login_link,
    revoke_token,
)
from catalog.errors import ConflictError, InputError, NotFoundError
from catalog.tables import LoginLink, Token, User

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _fast_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_SCRYPT", {"n": 2**4, "r": 8, "p": 1})


def test_a_token_is_found_by_its_secret_and_kept_as_a_hash(session: Session) -> None:
    secret = create_token(session, "feed", ["ingest"])
    session.commit()
    assert secret.startswith("lk_")
    token = find_token(session, secret)
    assert token is not None
    assert (token.name, token.scopes) == ("feed", ["ingest"])
    assert secret not in token.hash
    assert find_token(session, secret + "x") is None


def test_a_revoked_token_is_found_no_more(session: Session) -> None:
    secret = create_token(session, "feed", ["read", "ingest"])
    (token,) = list_tokens(session)
    revoke_token(session, token.id)
    assert find_token(session, secret) is None
    with pytest.raises(NotFoundError):
        revoke_token(session, 999)


def test_the_use_of_a_token_is_noted_at_most_once_a_minute(session: Session) -> None:
    secret = create_token(session, "feed", ["read"])
    session.commit()

    def used_at() -> object:
        find_token(session, secret)
        session.commit()
        return session.scalar(select(Token.last_used_at))

    first = used_at()
    assert first is not None
    assert used_at() == first
    session.execute(update(Token).values(last_used_at=func.now() - accounts._USED_EVERY * 2))
    session.commit()
    assert used_at() != first


@pytest.mark.parametrize(("name", "scopes"), [("x", ["root"]), ("x", []), (" ", ["read"])])
def test_impossible_tokens_are_refused(session: Session, name: str, scopes: list[str]) -> None:
    with pytest.raises(InputError):
        create_token(session, name, scopes)


def test_a_user_logs_in_with_the_right_password_only(session: Session) -> None:
    create_user(session, " Ada@Example.com ", PASSWORD, is_admin=True)
    session.commit()
    user = check_password(session, "ada@example.COM", PASSWORD)
    assert user is not None
    assert user.is_admin
    assert PASSWORD not in user.password_hash
    assert check_password(session, "ada@example.com", PASSWORD + "!") is None
    assert check_password(session, "nobody@example.com", PASSWORD) is None
    assert check_password(session, "ada@example.com", "x" * 2_000_000) is None


def test_equal_passwords_have_different_hashes(session: Session) -> None:
    one = create_user(session, "a@example.com", PASSWORD)
    two = create_user(session, "b@example.com", PASSWORD)
    assert one.password_hash != two.password_hash


def test_an_email_is_taken_once_and_must_be_one(session: Session) -> None:
    create_user(session, "ada@example.com", PASSWORD)
    with pytest.raises(ConflictError):
        create_user(session, "ADA@example.com", PASSWORD)
    with pytest.raises(InputError):
        create_user(session, "ada", PASSWORD)
    with pytest.raises(InputError):
        create_user(session, "b@example.com", "short")
    assert session.scalar(select(func.count()).select_from(User)) == 1


def test_a_login_link_works_once(session: Session) -> None:
    user = create_user(session, "ada@example.com", PASSWORD)
    secret = make_login_link(session, user, 60)
    session.commit()
    assert redeem_login_link(session, "guess") is None
    assert redeem_login_link(session, secret) is user
    session.commit()
    assert redeem_login_link(session, secret) is None
    assert session.scalars(select(LoginLink.hash)).one() != secret


def test_a_login_link_expires(session: Session) -> None:
    user = create_user(session, "ada@example.com", PASSWORD)
    secret = make_login_link(session, user, -1)
    session.commit()
    assert redeem_login_link(session, secret) is None


def test_of_two_who_follow_a_link_at_once_one_gets_in(
    sessions: sessionmaker[Session], session: Session
) -> None:
    secret = make_login_link(session, create_user(session, "ada@example.com", PASSWORD), 60)
    session.commit()
    entered: list[bool] = []
    start = threading.Barrier(4)

    def follow() -> None:
        start.wait()
        with sessions.begin() as own:
            entered.append(redeem_login_link(own, secret) is not None)

    threads = [threading.Thread(target=follow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entered) == [False, False, False, True]
