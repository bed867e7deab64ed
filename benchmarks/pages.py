"""Times the pages and the API over a big catalog: server time and SQL statements of each.

Run by hand: python -m benchmarks.pages [--items 100000]. Real Postgres, the Edge server and the
whole application; only the network to the browser is left out.
"""

import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from flask import Flask
from flask.testing import FlaskClient
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, select

from benchmarks.big_shop import fill_shop
from benchmarks.shop_past import add_past
from catalog.accounts import create_token, create_user
from catalog.database import migrate
from catalog.services import Services, make_services
from catalog.settings import load_settings
from catalog.tables import Garment, Job, JobKind
from stack.postgres import start_postgres
from stack.processes import free_port
from stack.servers import start_edge
from tests.statements import counted_statements
from web.app import create_app
from web.facets import register_facets

_PASSWORD = "benchmark only, gone with its database"
_COUNTED_ANEW = {
    "catalog": "/",
    "one of the catalogs": "/?catalog=shop",
    "a category": "/?category=jacket",
    "a brand and a price": "/?brand=Brand+1&price_max=50",
    "a frequent word": "/?q=striped",
    "a word that all have": "/?q=every",
}
_FEW = 200
"""So many items show whether a page asks more of the database as the catalog grows."""


@dataclass(frozen=True)
class Figures:
    """What one page took: SQL statements, and seconds of each request."""

    statements: int
    times_s: Sequence[float]
    status: int


def pages_of(garment: str, job: str) -> dict[str, str]:
    """The addresses to time by what they are; `garment` is one of item 5's, `job` an ingest."""
    return {
        "catalog": "/",
        "catalog, page 1,000": "/?page=1000",
        "cheapest first": "/?sort=cheapest",
        "by title": "/?sort=title",
        "most viewed": "/?sort=viewed",
        "a category and a colour": "/?category=jacket&colour=navy",
        "a frequent word": "/?q=striped",
        "a rare word": "/?q=SKU-0000123",
        "a frequent word with a typo": "/?q=stripd",
        "two words with typos": "/?q=quiltd+jaket",
        "a product number that is none": "/?q=SKU-00001x3",
        "needs review": "/?review=1",
        "item": "/items/5",
        "similar, in place": f"/items/5/similar/{garment}",
        "similar, varied": f"/items/5/similar/{garment}?variety=50",
        "complete the look": f"/items/5/look/{garment}",
        "admin": "/admin/",
        "failures": "/admin/failures",
        "jobs": "/admin/jobs",
        "a job": f"/admin/jobs/{job}",
        "re-index": "/admin/reindex",
        "review queue": "/admin/review/",
        "review queue, reviewed": "/admin/review/?reason=reviewed",
        "index health": "/admin/health",
        "coverage": "/admin/coverage",
        "coverage, fewest first": "/admin/coverage?sort=fewest",
        "near-identical": "/admin/duplicates",
        "webhooks": "/admin/webhooks/",
        "tokens": "/admin/tokens/",
        "map": "/map",
        "map, points": "/map/1/points",
        "map, one garment": f"/map/garments/{garment}",
        "API: items": "/api/v1/items?limit=100",
        "API: review": "/api/v1/review?limit=100",
        "API: review, half way": "/api/v1/review?limit=100&cursor=50000.50000",
        "API: findings": "/api/v1/findings?kind=coverage&limit=100",
        "API: facets": "/api/v1/facets",
        "API: item": "/api/v1/items/5",
        "API: similar": "/api/v1/items/5/similar",
        "API: jobs": "/api/v1/jobs",
    }


@contextmanager
def served_shop(items: int) -> Iterator[Services]:
    """A shop of that many items on servers of its own, gone afterwards."""
    with tempfile.TemporaryDirectory() as home:
        postgres = start_postgres(Path(home) / "postgres" / "data", free_port(), durable=False)
        edge = start_edge(Path(home) / "edge" / "data", free_port())
        services = None
        try:
            migrate(postgres.url)
            services = make_services(
                load_settings(
                    {},
                    database_url=postgres.url,
                    qdrant_url=edge.url,
                    image_store_url=(Path(home) / "images").as_uri(),
                    secret_key=secrets.token_hex(),
                )
            )
            fill_shop(services, items)
            add_past(services)
            yield services
        finally:
            if services:
                services.close()
            edge.stop()
            postgres.stop()


def measure(services: Services, rounds: int) -> dict[str, Figures]:
    """Ask for each page `rounds` times after one unmeasured request."""
    app = create_app(services)
    client, headers = _log_in(app, services)
    with services.sessions() as session:
        garment = str(session.scalars(select(Garment.id).where(Garment.photo_id == 5)).first())
        ingests = select(Job.id).where(Job.kind == JobKind.INGEST)
        job = str(session.scalars(ingests.order_by(Job.created_at.desc())).first())
    figures = {
        name: _time(client, address, headers, services.engine, rounds)
        for name, address in pages_of(garment, job).items()
    }
    # What one visitor in a minute waits for; the others above are shown what was counted then.
    for name, address in _COUNTED_ANEW.items():
        figures[f"{name}, counted anew"] = _time(
            client, address, headers, services.engine, rounds, lambda: register_facets(app)
        )
    return figures


def _log_in(app: Flask, services: Services) -> tuple[FlaskClient, dict[str, str]]:
    app.config["WTF_CSRF_ENABLED"] = False
    with services.sessions.begin() as session:
        create_user(session, "admin@example.com", _PASSWORD, is_admin=True)
        token = create_token(session, "benchmark", ["admin"])
    client = app.test_client()
    client.post("/login", data={"email": "admin@example.com", "password": _PASSWORD})
    return client, {"Authorization": f"Bearer {token}"}


def _time(
    client: FlaskClient,
    address: str,
    headers: dict[str, str],
    engine: Engine,
    rounds: int,
    before: Callable[[], None] = lambda: None,
) -> Figures:
    client.get(address, headers=headers)
    before()
    with counted_statements(engine) as statements:
        status = client.get(address, headers=headers).status_code
    times = []
    for _ in range(rounds):
        before()
        started = time.perf_counter()
        client.get(address, headers=headers)
        times.append(time.perf_counter() - started)
    return Figures(len(statements), times, status)


def _show(few: dict[str, Figures], many: dict[str, Figures], items: int) -> None:
    table = Table(title=f"Server time with {items:,} items, and with {_FEW}")
    for column in ("page", "status", "SQL statements", f"with {_FEW}", "median ms", "slowest ms"):
        table.add_column(column, justify="left" if column == "page" else "right")
    for name, figures in many.items():
        table.add_row(
            name,
            str(figures.status),
            str(figures.statements),
            str(few[name].statements),
            f"{statistics.median(figures.times_s) * 1000:.0f}",
            f"{max(figures.times_s) * 1000:.0f}",
        )
    Console(width=110).print(table)


@click.command()
@click.option("--items", default=100_000, show_default=True)
@click.option("--rounds", default=15, show_default=True)
def main(items: int, rounds: int) -> None:
    """Print how long each page takes the server, and how many statements it sends."""
    with served_shop(_FEW) as services:
        few = measure(services, 1)
    with served_shop(items) as services:
        many = measure(services, rounds)
    _show(few, many, items)


if __name__ == "__main__":
    main()
