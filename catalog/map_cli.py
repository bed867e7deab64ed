"""The map of the catalog from a shell: `lookalike map` has it made anew and can wait for it.

Loaded by `lookalike` when the command is called. The workers do what is asked here.
"""

import time

import click
from sqlalchemy.orm import Session

from catalog.errors import LookalikeError
from catalog.jobs import OPEN_STATES, get_job
from catalog.maps import start_map
from catalog.services import make_services
from catalog.settings import load_settings
from catalog.tables import Job, JobState

_ASK_EVERY_S = 1.0


@click.command()
@click.option("--wait", is_flag=True, help="Come back when the map is there, not at once.")
def make_map(wait: bool) -> None:
    """Have the workers make the map of the catalog anew, for the page /map.

    A large catalog takes minutes; the present map is shown until the new one is there.
    """
    services = make_services(load_settings())
    try:
        with services.sessions() as session:
            job = start_map(session, services.queue)
            click.echo(f"Started job {job.id}.")
            if wait:
                _wait_for(session, job)
    finally:
        services.close()


def _wait_for(session: Session, job: Job) -> None:
    with click.progressbar(length=1000, label="Making the map") as bar:
        while (current := _look_at(session, job)).state in OPEN_STATES:
            bar.update(int(1000 * current.done / (current.total or 1)) - bar.pos)
            time.sleep(_ASK_EVERY_S)
    if current.state is not JobState.DONE:
        raise LookalikeError(f"The map was not made: {current.error or current.state}")
    click.echo(f"The map shows {current.result['garments']:,} garments.")


def _look_at(session: Session, job: Job) -> Job:
    session.rollback()
    current = get_job(session, job.id)
    session.refresh(current)
    return current


COMMANDS: dict[str, click.Command] = {"map": make_map}
