"""Explanations are asked of workers once for each pair, again when lost, and are forgotten."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from catalog import explaining
from catalog.errors import BusyError, ConflictError, NotFoundError, QueueUnavailableError
from catalog.explaining import expire_explanations, explain_found, explain_garments
from catalog.queue import EXPLAIN_MATCH, INTERACTIVE
from catalog.tables import (
    Explanation,
    ExplanationState,
    Garment,
    Generation,
    Upload,
    UploadGarment,
)
from tests.catalog.conftest import AddGarments, AddPhotos
from tests.fakes import FakeQueue

pytestmark = pytest.mark.usefixtures("generation")

Pair = tuple[Garment, Garment]


@pytest.fixture
def pair(add_photos: AddPhotos, add_garments: AddGarments) -> Pair:
    first, second = add_photos("a", "b")
    (one,), (two,) = add_garments(first, "jacket"), add_garments(second, "jacket")
    return one, two


@pytest.fixture
def add_found(session: Session) -> Callable[[str], UploadGarment]:
    """A garment of a visitor's photo, as this embedder saw it."""

    def add(embedder: str) -> UploadGarment:
        garment = UploadGarment(
            category="jacket",
            score=0.9,
            box=[0, 0, 10, 10],
            outline=[],
            crop=b"crop",
            embedder=embedder,
            vector=np.ones(4, dtype=np.float32),
        )
        expires = datetime.now(UTC) + timedelta(hours=1)
        session.add(Upload(width=60, height=80, expires_at=expires, garments=[garment]))
        session.commit()
        return garment

    return add


def change(session: Session, **values: object) -> None:
    session.execute(update(Explanation).values(**values))
    session.commit()


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Explanation)) or 0


def test_a_pair_is_asked_of_the_workers_once(
    session: Session, queue: FakeQueue, pair: Pair
) -> None:
    one, two = pair
    first = explain_garments(session, queue, one.id, two.id)
    again = explain_garments(session, queue, one.id, two.id)
    assert first.id == again.id
    assert again.state is ExplanationState.PENDING
    (task,) = queue.named(EXPLAIN_MATCH)
    assert (task.args, task.queue) == ((str(first.id),), INTERACTIVE)


def test_each_direction_and_each_upload_has_its_own(
    session: Session,
    queue: FakeQueue,
    pair: Pair,
    generation: Generation,
    add_found: Callable[[str], UploadGarment],
) -> None:
    one, two = pair
    found = [add_found(generation.embedder) for _ in range(2)]
    asked = {
        explain_garments(session, queue, one.id, two.id).id,
        explain_garments(session, queue, two.id, one.id).id,
        *(explain_found(session, queue, each, two.id).id for each in found),
    }
    assert len(asked) == 4
    assert {explain_found(session, queue, each, two.id).id for each in found} < asked
    assert len(queue.named(EXPLAIN_MATCH)) == 4


def test_what_was_lost_is_asked_again_and_what_is_young_or_done_is_not(
    session: Session, queue: FakeQueue, pair: Pair
) -> None:
    one, two = pair
    explain_garments(session, queue, one.id, two.id)
    change(session, asked_at=datetime.now(UTC) - timedelta(minutes=1))
    explain_garments(session, queue, one.id, two.id)
    assert len(queue.named(EXPLAIN_MATCH)) == 2
    explain_garments(session, queue, one.id, two.id)
    assert len(queue.named(EXPLAIN_MATCH)) == 2
    change(
        session,
        state=ExplanationState.DONE,
        asked_at=datetime.now(UTC) - timedelta(hours=1),
    )
    done = explain_garments(session, queue, one.id, two.id)
    assert done.state is ExplanationState.DONE
    assert len(queue.named(EXPLAIN_MATCH)) == 2


def test_what_failed_is_shown_a_while_and_then_tried_again(
    session: Session, queue: FakeQueue, pair: Pair
) -> None:
    one, two = pair
    explain_garments(session, queue, one.id, two.id)
    change(session, state=ExplanationState.FAILED, reason="the models are away")
    failed = explain_garments(session, queue, one.id, two.id)
    assert (failed.state, failed.reason) == (ExplanationState.FAILED, "the models are away")
    change(session, asked_at=datetime.now(UTC) - timedelta(minutes=2))
    again = explain_garments(session, queue, one.id, two.id)
    assert (again.state, again.reason) == (ExplanationState.PENDING, None)
    assert len(queue.named(EXPLAIN_MATCH)) == 2


def test_with_the_broker_down_nothing_stays_behind(
    session: Session, queue: FakeQueue, pair: Pair
) -> None:
    one, two = pair
    queue.down = True
    with pytest.raises(QueueUnavailableError):
        explain_garments(session, queue, one.id, two.id)
    assert count(session) == 0
    queue.down = False
    explain_garments(session, queue, one.id, two.id)
    assert len(queue.named(EXPLAIN_MATCH)) == 1


def test_with_many_on_the_queue_no_more_are_taken_on(
    session: Session, queue: FakeQueue, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair
    monkeypatch.setattr(explaining, "MAX_PENDING", 1)
    explain_garments(session, queue, one.id, two.id)
    with pytest.raises(BusyError):
        explain_garments(session, queue, two.id, one.id)
    assert explain_garments(session, queue, one.id, two.id).state is ExplanationState.PENDING
    # What nobody has worked out for long does not lock the others out.
    change(session, asked_at=datetime.now(UTC) - timedelta(hours=1))
    assert explain_garments(session, queue, two.id, one.id).state is ExplanationState.PENDING


def test_garments_that_the_index_does_not_know_are_refused(
    session: Session,
    queue: FakeQueue,
    pair: Pair,
    generation: Generation,
    add_found: Callable[[str], UploadGarment],
) -> None:
    one, two = pair
    with pytest.raises(NotFoundError):
        explain_garments(session, queue, one.id, uuid4())
    with pytest.raises(NotFoundError):
        explain_found(session, queue, add_found(generation.embedder), uuid4())
    with pytest.raises(ConflictError):
        explain_found(session, queue, add_found("an embedder of before"), two.id)
    assert queue.sent == []


def test_explanations_go_with_their_garments_and_uploads(
    session: Session,
    queue: FakeQueue,
    pair: Pair,
    generation: Generation,
    add_found: Callable[[str], UploadGarment],
) -> None:
    one, two = pair
    explain_garments(session, queue, one.id, two.id)
    explain_garments(session, queue, two.id, one.id)
    explain_found(session, queue, add_found(generation.embedder), two.id)
    session.execute(delete(Upload))
    session.commit()
    assert count(session) == 2
    session.execute(delete(Garment).where(Garment.id == one.id))
    session.commit()
    assert count(session) == 0


def test_explanations_are_forgotten_after_a_day(
    session: Session, queue: FakeQueue, pair: Pair
) -> None:
    one, two = pair
    old = explain_garments(session, queue, one.id, two.id).id
    change(session, created_at=datetime.now(UTC) - timedelta(hours=25))
    young = explain_garments(session, queue, two.id, one.id).id
    assert expire_explanations(session) == 1
    session.commit()
    assert session.scalars(select(Explanation.id)).all() == [young] != [old]
