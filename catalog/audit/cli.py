"""Audits from a shell: `lookalike audit`.

Loaded by `lookalike` when the command is called. A worker does what is asked here.
"""

import time
from typing import Any

import click
from rich.console import Console
from sqlalchemy.orm import Session

from catalog.audit.options import AuditOptions, Part
from catalog.background import start_background_job
from catalog.jobs import OPEN_STATES
from catalog.services import make_services
from catalog.settings import load_settings
from catalog.tables import Job, JobKind, JobState

_ASK_EVERY_S = 1.0
_DEFAULT = AuditOptions()


@click.command("audit")
@click.argument("parts", nargs=-1, type=click.Choice([part.value for part in Part]))
@click.option("--few", type=click.IntRange(1, 50), default=_DEFAULT.few, show_default=True)
@click.option(
    "--price-percent",
    type=click.IntRange(1, 1000),
    default=_DEFAULT.price_percent,
    show_default=True,
    help="Look-alikes cost at most so much more or less.",
)
@click.option(
    "--likeness",
    type=click.FloatRange(0, 1, max_open=True),
    default=_DEFAULT.likeness,
    show_default=True,
    help="The cosine from which on garments look alike.",
)
@click.option(
    "--identical",
    type=click.FloatRange(0.5, 1, max_open=True),
    default=_DEFAULT.identical,
    show_default=True,
    help="The cosine from which on garments may be the same.",
)
@click.option("--repair", is_flag=True, help="Put right what differs between the stores.")
@click.option("--wait", is_flag=True, help="Wait for the end and print what was found.")
def audit_command(parts: tuple[str, ...], wait: bool, **options: Any) -> None:
    """Have a worker look through index and catalog: PARTS are index, coverage, duplicates.

    Without PARTS it looks at all of them. --few: report items with fewer look-alikes in stock.
    """
    asked = AuditOptions.model_validate(
        options | {"parts": tuple(dict.fromkeys(parts)) or tuple(Part)}
    )
    services = make_services(load_settings())
    try:
        with services.sessions() as session:
            job = start_background_job(
                session, services.queue, JobKind.AUDIT, asked.model_dump(mode="json")
            )
            click.echo(f"Started job {job.id}; its results are under Admin in the browser.")
            if wait:
                _print_result(_wait(session, job))
    finally:
        services.close()


COMMANDS: dict[str, click.Command] = {"audit": audit_command}


def _wait(session: Session, job: Job) -> Job:
    while job.state in OPEN_STATES:
        time.sleep(_ASK_EVERY_S)
        session.rollback()
        session.refresh(job)
    return job


def _print_result(job: Job) -> None:
    console = Console()
    if job.state is not JobState.DONE:
        console.print(f"{job.state.value}: {job.error or 'somebody has stopped it'}", markup=False)
        raise SystemExit(1)
    for part, describe in _WORDS.items():
        if part in job.result:
            console.print(describe(job.result[part]), markup=False)


def _index_words(found: dict[str, Any]) -> str:
    differences = sum(found["differences"].values())
    if not differences:
        return "index: Postgres, image store and index agree"
    listed = ", ".join(f"{name} {count:,}" for name, count in found["differences"].items())
    return f"index: {differences:,} differences ({listed})"


def _coverage_words(found: dict[str, Any]) -> str:
    return f"coverage: {found['few']:,} of {found['items']:,} items have few look-alikes"


def _duplicates_words(found: dict[str, Any]) -> str:
    return f"duplicates: {found['alike']:,} items in {found['groups']:,} groups look the same"


_WORDS = {
    Part.INDEX: _index_words,
    Part.COVERAGE: _coverage_words,
    Part.DUPLICATES: _duplicates_words,
}
