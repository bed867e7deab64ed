"""The services and the database session of the request at hand.

Every view asks here; `web.app` puts the services in place and closes the session.
"""

from typing import cast

from flask import current_app, g
from sqlalchemy.orm import Session

from catalog.services import Services


def services() -> Services:
    """What `create_app` was given: settings, sessions, images, index and queue."""
    return cast(Services, current_app.extensions["lookalike"])


def session() -> Session:
    """The request's one session, opened when first asked for; views commit it themselves."""
    if "session" not in g:
        g.session = services().sessions()
    return cast(Session, g.session)


def close_session(error: BaseException | None = None) -> None:
    """Give the connection back; what was not committed is rolled back."""
    opened = g.pop("session", None)
    if opened is not None:
        opened.close()
