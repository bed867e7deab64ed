"""Re-index jobs from a shell: start, watch, switch, roll back, cancel.

Loaded by `lookalike` when one of these commands is called. The workers do what is asked here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click
from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import operations
from catalog.errors import ConflictError, NotFoundError
from catalog.forecast import forecast_reindex
from catalog.search.gate import judge
from catalog.search.generations import building_generation, is_being_filled
from catalog.services import Services, make_services
from catalog.settings import load_settings
from catalog.tables import Generation, Job, JobKind, ReindexKind


@click.command("start")
@click.argument("kind", type=click.Choice([kind.value for kind in ReindexKind]))
@click.option("--manual", is_flag=True, help="Wait for `activate` when the new index is full.")
@click.option("--segmenter", help="Checkpoint to find garments with; only from photos.")
@click.option("--embedder", help="Checkpoint to embed them with; not from vectors.")
@click.option(
    "--max-changed",
    type=click.FloatRange(0, 1),
    help="Share of changed neighbours that the gate lets pass, 0 to 1; any without it.",
)
def start(
    kind: str,
    manual: bool,
    segmenter: str | None,
    embedder: str | None,
    max_changed: float | None,
) -> None:
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
            max_changed=max_changed,
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
        building = building_generation(session)
        waiting = building is not None and not is_being_filled(session, building)
        gate = judge(session, building) if building and waiting else None
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
    for check in gate.checks if gate else ():
        verdict = "holds" if check.passed else "does not hold"
        console.print(f"{check.question} {check.found}: {verdict}", markup=False)


@click.command("forecast")
@click.argument("kind", type=click.Choice([kind.value for kind in ReindexKind]))
@click.option("--segmenter", help="Checkpoint to find garments with; only from photos.")
@click.option("--embedder", help="Checkpoint to embed them with; not from vectors.")
def forecast(kind: str, segmenter: str | None, embedder: str | None) -> None:
    """Say what a re-index would do, and how long at the rates that were measured here."""
    with _services() as (_, session):
        found = forecast_reindex(session, ReindexKind(kind), segmenter, embedder)
    for step in found.steps:
        rate = f"at {step.rate.per_second:,.1f} a second" if step.rate else "never measured here"
        other = "" if step.same_checkpoint else ", measured with the present checkpoint"
        click.echo(f"{step.work.value}: {step.count:,} {rate}{other}")
    if found.seconds is not None:
        click.echo(f"In all {timedelta(seconds=round(found.seconds))}.")


@click.command("activate")
@click.option("--anyway", metavar="REASON", help="Why to switch although the gate does not hold.")
def activate(anyway: str | None) -> None:
    """Switch to the index that waits, if the gate holds."""
    with _services() as (services, session):
        switched = operations.activate_building(session, services.index, anyway, "the command line")
        click.echo(f"{switched.collection} serves.")


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
    "reindex forecast": forecast,
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
