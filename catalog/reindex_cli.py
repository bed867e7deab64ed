"""Re-index jobs from a shell: start, watch, switch, roll back, cancel.

Loaded by `lookalike` when one of these commands is called. The workers do what is asked here.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import operations
from catalog.errors import ConflictError, NotFoundError
from catalog.services import Services, make_services
from catalog.settings import load_settings
from catalog.tables import Generation, Job, JobKind, ReindexKind


@click.command("start")
@click.argument("kind", type=click.Choice([kind.value for kind in ReindexKind]))
@click.option("--manual", is_flag=True, help="Wait for `activate` when the new index is full.")
@click.option("--segmenter", help="Checkpoint to find garments with; only from photos.")
@click.option("--embedder", help="Checkpoint to embed them with; not from vectors.")
def start(kind: str, manual: bool, segmenter: str | None, embedder: str | None) -> None:
    """Build a new index beside the one that serves, from stored vectors, crops or photos.

    Checkpoints are named by id or by folder in CHECKPOINT_LIBRARY; without a name the workers
    take the configured ones.
    """
    with _services() as (services, session):
        job = operations.start_reindex(
            session,
            services.queue,
            ReindexKind(kind),
            "manual" if manual else "auto",
            segmenter=segmenter,
            embedder=embedder,
        )
        click.echo(f"Started job {job.id}; see `lookalike reindex status`.")


@click.command("status")
def status() -> None:
    """Show the indexes and how far the last re-index is."""
    # Folded, not cut: an id is there to be copied.
    table = Table("index", "state", "segmenter", "embedder", box=box.SIMPLE)
    for column in table.columns:
        column.overflow = "fold"
    with _services() as (_, session):
        for generation in session.scalars(select(Generation).order_by(Generation.id)):
            table.add_row(
                *(generation.collection, generation.state.value),
                *(generation.segmenter, generation.embedder),
            )
        job = _last_job(session)
        last_line = job.log[-1].message if job and job.log else ""
    console = Console()
    console.print(table)
    if job is None:
        console.print("No re-index yet.")
        return
    of_all = f" of {job.total:,}" if job.total is not None else ""
    console.print(
        f"The last re-index, from {job.parameters['kind']}: {job.state.value},"
        f" {job.done:,}{of_all} done"
    )
    console.print(job.error or last_line, markup=False)


@click.command("activate")
def activate() -> None:
    """Switch to the index that was built with --manual."""
    with _services() as (services, session):
        click.echo(f"{operations.activate_building(session, services.index).collection} serves.")


@click.command("roll-back")
def roll_back() -> None:
    """Switch back to the index that served before; a second time goes forward again."""
    with _services() as (services, session):
        click.echo(f"{operations.roll_back_generation(session, services.index).collection} serves.")


@click.command("cancel")
def cancel() -> None:
    """Stop the last re-index, or drop the index that it left waiting."""
    with _services() as (services, session):
        job = _last_job(session)
        if job is None:
            raise NotFoundError("job", "re-index")
        try:
            click.echo(
                operations.describe_cancel(operations.cancel_job(session, services.index, job.id))
            )
        except ConflictError:
            # The index that waits may have been left by an earlier job than the last one.
            session.rollback()
            operations.discard_building(session, services.index)
            click.echo("The new index is dropped. The present one stays active.")


COMMANDS: dict[str, click.Command] = {
    "reindex activate": activate,
    "reindex cancel": cancel,
    "reindex roll-back": roll_back,
    "reindex start": start,
    "reindex status": status,
}


@contextmanager
def _services() -> Iterator[tuple[Services, Session]]:
    services = make_services(load_settings())
    try:
        with services.sessions() as session:
            yield services, session
    finally:
        services.close()


def _last_job(session: Session) -> Job | None:
    reindexes = select(Job).where(Job.kind == JobKind.REINDEX)
    return session.scalar(reindexes.order_by(Job.created_at.desc()).limit(1))
