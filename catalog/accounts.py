"""Who may do what: tokens for the API, users and one-time links for the admin pages.

Called by the web app and by `lookalike token` and `lookalike user`. Secrets are shown once and
kept only as hashes.
"""

import hashlib
import hmac
import os
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog.errors import ConflictError, InputError, NotFoundError
from catalog.tables import LoginLink, Token, User

SCOPES = ("read", "ingest", "admin")

_PREFIX = "lk_"
_USED_EVERY = timedelta(minutes=1)
_SHORTEST_PASSWORD = 10
_LONGEST_PASSWORD = 1024
# OWASP's first choice for scrypt: 128 MiB, a third of a second.
_SCRYPT = {"n": 2**17, "r": 8, "p": 1}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def create_token(session: Session, name: str, scopes: Sequence[str]) -> str:
    """Make a token and return its secret, which nobody can read again. Doesn't commit."""
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise InputError(f"scopes are some of {', '.join(SCOPES)}; got {sorted(scopes)}")
    if not name.strip():
        raise InputError("a token needs a name that says who uses it")
    secret = _PREFIX + secrets.token_urlsafe(32)
    session.add(Token(name=name.strip(), hash=_hash(secret), scopes=sorted(set(scopes))))
    session.flush()
    return secret


def find_token(session: Session, secret: str) -> Token | None:
    """The live token behind `secret`; notes its use, at most once a minute. Doesn't commit.

    Looked up by hash: how long that takes tells nothing about the secret.
    """
    token = session.scalar(
        select(Token).where(Token.hash == _hash(secret), Token.revoked_at.is_(None))
    )
    if token is not None:
        _note_use(session, token)
    return token


def revoke_token(session: Session, token_id: int) -> Token:
    """Make a token useless from now on; raises NotFoundError. Doesn't commit."""
    token = session.get(Token, token_id)
    if token is None:
        raise NotFoundError("token", token_id)
    token.revoked_at = token.revoked_at or datetime.now(UTC)
    session.flush()
    return token


def list_tokens(session: Session) -> Sequence[Token]:
    """All tokens, the revoked ones too, oldest first."""
    return session.scalars(select(Token).order_by(Token.id)).all()


def create_user(session: Session, email: str, password: str, is_admin: bool = False) -> User:
    """Add somebody who may log in; raises InputError, ConflictError. Doesn't commit."""
    address = _normal(email)
    if not _EMAIL.fullmatch(address):
        raise InputError(f"not an email address: {email!r}")
    if not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise InputError(f"a password needs at least {_SHORTEST_PASSWORD} characters")
    user = User(email=address, password_hash=_hash_password(password), is_admin=is_admin)
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError as error:
        raise ConflictError(f"there is a user {address} already") from error
    return user


def check_password(session: Session, email: str, password: str) -> User | None:
    """The user, if the password is right; takes as long for an unknown email."""
    user = session.scalar(select(User).where(User.email == _normal(email)))
    known = user.password_hash if user else _HASH_OF_NOBODY
    if len(password) > _LONGEST_PASSWORD or not _password_matches(password, known):
        return None
    return user


def make_login_link(session: Session, user: User, ttl_s: float) -> str:
    """The secret of a link that logs `user` in once, within `ttl_s`. Doesn't commit."""
    secret = secrets.token_urlsafe(32)
    expires_at = datetime.now(UTC) + timedelta(seconds=ttl_s)
    session.add(LoginLink(hash=_hash(secret), user_id=user.id, expires_at=expires_at))
    session.flush()
    return secret


def redeem_login_link(session: Session, secret: str) -> User | None:
    """Use a link up and return its user; None when it is unknown, used or too old.

    One statement, so that of two requests at once only one gets in. Doesn't commit.
    """
    user_id = session.scalar(
        update(LoginLink)
        .where(
            LoginLink.hash == _hash(secret),
            LoginLink.used_at.is_(None),
            LoginLink.expires_at > func.now(),
        )
        .values(used_at=func.now())
        .returning(LoginLink.user_id)
    )
    return session.get(User, user_id) if user_id is not None else None


def _note_use(session: Session, token: Token) -> None:
    session.execute(
        update(Token)
        .where(
            Token.id == token.id,
            or_(Token.last_used_at.is_(None), Token.last_used_at < func.now() - _USED_EVERY),
        )
        .values(last_used_at=func.now()),
        execution_options={"synchronize_session": False},
    )


def _normal(email: str) -> str:
    return email.strip().lower()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _hash_password(password: str) -> str:
    salt = os.urandom(16)
    return f"scrypt${b64encode(salt).decode()}${b64encode(_scrypt(password, salt)).decode()}"


def _password_matches(password: str, known: str) -> bool:
    _, salt, digest = known.split("$")
    return hmac.compare_digest(_scrypt(password, b64decode(salt)), b64decode(digest))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, maxmem=2**28, dklen=32, **_SCRYPT)


_HASH_OF_NOBODY = f"scrypt${b64encode(bytes(16)).decode()}${b64encode(bytes(32)).decode()}"
