"""Which checkpoints the workers have: the web process reads no model's folder itself.

Reported by the workers' sweeps, shown by the re-index pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from catalog.tables import KnownCheckpoint

_FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class FoundCheckpoint:
    """A checkpoint as a worker finds it: its kind, folder and id."""

    kind: str
    name: str
    id: str
    configured: bool = False


def report_checkpoints(session: Session, machine: str, found: Sequence[FoundCheckpoint]) -> None:
    """Note what this machine has now, and forget machines that are long silent. Doesn't commit."""
    old = datetime.now(UTC) - _FORGOTTEN_AFTER
    session.execute(
        delete(KnownCheckpoint).where(
            (KnownCheckpoint.machine == machine) | (KnownCheckpoint.seen_at < old)
        )
    )
    rows = {(each.kind, each.name): each for each in reversed(found)}
    if rows:
        values = [{"machine": machine, **vars(each)} for each in rows.values()]
        session.execute(insert(KnownCheckpoint).values(values).on_conflict_do_nothing())


def list_checkpoints(session: Session, kind: str) -> Sequence[KnownCheckpoint]:
    """Each checkpoint of this kind once, the configured ones first."""
    rows = session.scalars(
        select(KnownCheckpoint)
        .where(KnownCheckpoint.kind == kind)
        .order_by(KnownCheckpoint.configured.desc(), KnownCheckpoint.name, KnownCheckpoint.machine)
    )
    return list({row.id: row for row in reversed(rows.all())}.values())[::-1]


def checkpoint_names(session: Session) -> dict[str, str]:
    """Id -> folder of each checkpoint that a worker has told of; of several, the configured one."""
    rows = session.execute(
        select(KnownCheckpoint.id, KnownCheckpoint.name).order_by(
            KnownCheckpoint.configured, KnownCheckpoint.name.desc()
        )
    )
    return {row.id: row.name for row in rows}


def find_checkpoint_id(known: Sequence[KnownCheckpoint], name: str | None) -> str | None:
    """The id that a re-index would use for this name; None where no worker has told of one."""
    if name is None:
        return next((each.id for each in known if each.configured), None)
    by_id = next((each.id for each in known if each.id == name), None)
    return by_id or next((each.id for each in known if each.name == name), None)
