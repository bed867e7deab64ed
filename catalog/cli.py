"""What operators do from a shell: migrate, check, and hand out tokens and logins.

Loaded by `lookalike` when one of these commands is called.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.accounts import (
    SCOPES,
    create_token,
    create_user,
    list_tokens,
    make_login_link,
    revoke_token,
)
from catalog.check import Report, check, repair
from catalog.database import current_revision, make_engine, make_session_factory, migrate
from catalog.errors import NotFoundError
from catalog.services import make_services
from catalog.settings import load_settings
from catalog.tables import User

_SHOWN = 20
_LINK_TTL_S = 3600.0


@click.command("check")
@click.option("--repair", "with_repair", is_flag=True, help="Put right what differs.")
def check_command(with_repair: bool) -> None:
    """Compare Postgres, the image store and the vector index."""
    services = make_services(load_settings())
    try:
        report = check(services)
        _print_report(report)
        if with_repair and not report.is_clean:
            repair(services, report)
            click.echo("Repaired; checking again.")
            report = check(services)
            _print_report(report)
    finally:
        services.close()
    if not report.is_clean:
        raise SystemExit(1)


@click.command("migrate")
def migrate_command() -> None:
    """Bring the database to the schema of this version."""
    url = load_settings().database_url
    before = current_revision(url)
    migrate(url)
    after = current_revision(url)
    click.echo(f"The database is at {after}" + (" already." if before == after else "."))


@click.command("create")
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, default=["read"])
def token_create(name: str, scopes: tuple[str, ...]) -> None:
    """Make a token for the API and print its secret, this once."""
    with _session() as session:
        click.echo(create_token(session, name, scopes))


@click.command("list")
def token_list() -> None:
    """List all tokens; their secrets are not kept."""
    table = Table("id", "name", "scopes", "last used", "revoked")
    with _session() as session:
        for token in list_tokens(session):
            used, revoked = token.last_used_at, token.revoked_at
            table.add_row(
                str(token.id),
                token.name,
                ", ".join(token.scopes),
                f"{used:%Y-%m-%d %H:%M}" if used else "never",
                f"{revoked:%Y-%m-%d %H:%M}" if revoked else "",
            )
    Console().print(table)


@click.command("revoke")
@click.argument("token_id", type=int)
def token_revoke(token_id: int) -> None:
    """Make a token useless from now on."""
    with _session() as session:
        click.echo(f"Revoked {revoke_token(session, token_id).name}.")


@click.command("create")
@click.argument("email")
@click.option("--admin", is_flag=True, help="May use the admin pages.")
@click.password_option(help="Asked for when not given.")
def user_create(email: str, admin: bool, password: str) -> None:
    """Add somebody who may log in."""
    with _session() as session:
        click.echo(f"Added {create_user(session, email, password, admin).email}.")


@click.command("link")
@click.argument("email")
def user_link(email: str) -> None:
    """Print a link that logs a user in once, within an hour."""
    with _session() as session:
        user = session.scalar(select(User).where(User.email == email.strip().lower()))
        if user is None:
            raise NotFoundError("user", email)
        secret = make_login_link(session, user, _LINK_TTL_S)
    click.echo(f"{load_settings().public_url}/login/link/{secret}")


COMMANDS: dict[str, click.Command] = {
    "check": check_command,
    "migrate": migrate_command,
    "token create": token_create,
    "token list": token_list,
    "token revoke": token_revoke,
    "user create": user_create,
    "user link": user_link,
}


@contextmanager
def _session() -> Iterator[Session]:
    """A session that is committed at the end; these commands need nothing but the database."""
    engine = make_engine(load_settings().database_url)
    try:
        with make_session_factory(engine).begin() as session:
            yield session
    finally:
        engine.dispose()


def _print_report(report: Report) -> None:
    console = Console()
    console.print(
        f"{report.photos:,} photos, {report.garments:,} garments,"
        f" {report.behind:,} on their way to the index"
    )
    if report.is_clean:
        console.print("Postgres, image store and index agree.", style="green")
        return
    table = Table("what differs", "how many", "which")
    for difference, keys in report.found.items():
        more = f"\n... and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        table.add_row(difference.value, f"{len(keys):,}", "\n".join(keys[:_SHOWN]) + more)
    console.print(table)
