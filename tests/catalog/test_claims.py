"""Who works on which photo, with several workers and workers that die."""

import threading
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from catalog.claims import (
    claim_photos,
    fail_photo,
    finish_photo,
    hold_claims,
    release_claims,
    retry_photos,
)
from catalog.tables import Photo, PhotoState
from tests.catalog.conftest import SEGMENTER, AddPhotos

MAX = 3


def ids_of(photos: Sequence[Photo]) -> list[int]:
    return [photo.id for photo in photos]


def claim(session: Session, ids: Sequence[int], task: str, segmenter: str | None = None):  # type: ignore[no-untyped-def]
    result = claim_photos(session, ids, task, MAX, segmenter)
    session.commit()
    return ids_of(result.photos), result.retry_singly, result.quarantined


def states(session: Session) -> list[tuple[PhotoState, int]]:
    session.expire_all()
    return [(p.state, p.attempts) for p in session.scalars(select(Photo).order_by(Photo.id))]


def test_a_claim_counts_an_attempt_and_keeps_others_away(
    session: Session, add_photos: AddPhotos
) -> None:
    ids = ids_of(add_photos("1", "2"))
    assert claim(session, ids, "one") == (ids, [], [])
    assert states(session) == [(PhotoState.WORKING, 1)] * 2
    assert claim(session, ids, "two") == ([], [], [])


def test_finished_photos_forget_their_attempts_and_are_not_claimed_again(
    session: Session, add_photos: AddPhotos
) -> None:
    ids = ids_of(add_photos("1"))
    claim(session, ids, "one")
    finish_photo(session, ids[0], SEGMENTER)
    session.commit()
    assert states(session) == [(PhotoState.INDEXED, 0)]
    assert claim(session, ids, "two", SEGMENTER) == ([], [], [])
    assert claim(session, ids, "two", "another segmenter") == (ids, [], [])


def test_failed_photos_wait_for_a_person(session: Session, add_photos: AddPhotos) -> None:
    ids = ids_of(add_photos("1", "2"))
    claim(session, ids, "one")
    fail_photo(session, ids[0], "it is no photo")
    session.commit()
    assert claim(session, ids[:1], "two") == ([], [], [])
    assert retry_photos(session, ids) == ids[:1]
    session.commit()
    assert claim(session, ids[:1], "two") == (ids[:1], [], [])


def test_photos_handed_back_lose_no_attempt(session: Session, add_photos: AddPhotos) -> None:
    ids = ids_of(add_photos("1", "2"))
    claim(session, ids, "one")
    finish_photo(session, ids[0], SEGMENTER)
    release_claims(session, ids, "one")
    session.commit()
    assert states(session) == [(PhotoState.INDEXED, 0), (PhotoState.PENDING, 0)]


def test_nobody_hands_back_what_another_task_holds(session: Session, add_photos: AddPhotos) -> None:
    ids = ids_of(add_photos("1"))
    claim(session, ids, "one")
    release_claims(session, ids, "two")
    release_claims(session, ids, "two", "it went wrong", counted=True)
    session.commit()
    assert states(session) == [(PhotoState.WORKING, 1)]
    assert ids_of(hold_claims(session, ids, "one")) == ids


def test_a_photo_that_goes_wrong_too_often_fails_with_what_went_wrong(
    session: Session, add_photos: AddPhotos
) -> None:
    ids = ids_of(add_photos("1"))
    for _ in range(MAX):
        assert claim(session, ids, "one") == (ids, [], [])
        release_claims(session, ids, "one", "MemoryError: too large", counted=True)
        session.commit()
    assert claim(session, ids, "one") == ([], [], ids)
    session.expire_all()
    reason = session.get_one(Photo, ids[0]).reason
    assert reason == "it failed 3 times, the last time with: MemoryError: too large"


def test_a_batch_that_died_is_tried_again_one_by_one(
    session: Session, add_photos: AddPhotos
) -> None:
    ids = ids_of(add_photos("1", "2", "3"))
    claim(session, ids, "batch")
    finish_photo(session, ids[0], SEGMENTER)
    session.commit()
    # The broker hands the task of the dead process out again, under the same id.
    assert claim(session, ids, "batch") == ([], ids[1:], [])
    assert states(session)[1:] == [(PhotoState.PENDING, 1)] * 2
    # Once more, because this worker died before it could enqueue the single tasks.
    assert claim(session, ids, "batch") == ([], ids[1:], [])
    assert claim(session, ids[1:2], "single") == (ids[1:2], [], [])


def test_only_the_guilty_photo_runs_out_of_attempts(
    session: Session, add_photos: AddPhotos
) -> None:
    good, bad = ids_of(add_photos("good", "bad"))
    claim(session, [good, bad], "batch")
    _, singles, _ = claim(session, [good, bad], "batch")
    assert singles == [good, bad]
    claim(session, [good], "good")
    finish_photo(session, good, SEGMENTER)
    session.commit()
    assert claim(session, [bad], "bad") == ([bad], [], [])
    assert claim(session, [bad], "bad") == ([bad], [], [])
    assert claim(session, [bad], "bad") == ([], [], [bad])
    assert states(session) == [(PhotoState.INDEXED, 0), (PhotoState.FAILED, MAX)]
    session.expire_all()
    assert session.get_one(Photo, bad).reason == "its worker died 3 times on this photo"


def test_new_photos_in_a_task_with_a_suspect_are_claimed_without_it(
    session: Session, add_photos: AddPhotos
) -> None:
    fresh, suspect = ids_of(add_photos("fresh", "suspect"))
    session.execute(update(Photo).where(Photo.id == suspect).values(attempts=1))
    assert claim(session, [fresh, suspect], "batch") == ([fresh], [suspect], [])


def test_results_of_a_photo_taken_over_by_another_task_are_void(
    session: Session, add_photos: AddPhotos
) -> None:
    mine, taken, deleted = ids_of(add_photos("1", "2", "3"))
    claim(session, [mine, taken, deleted], "one")
    session.execute(update(Photo).where(Photo.id == taken).values(claimed_by="two"))
    session.delete(session.get_one(Photo, deleted))
    session.commit()
    assert ids_of(hold_claims(session, [deleted, taken, mine], "one")) == [mine]
    finish_photo(session, deleted, SEGMENTER)
    fail_photo(session, deleted, "gone")


def test_of_many_workers_exactly_one_gets_each_photo(
    sessions: sessionmaker[Session], session: Session, add_photos: AddPhotos
) -> None:
    ids = ids_of(add_photos(*[str(number) for number in range(40)]))
    claimed: list[int] = []
    start = threading.Barrier(6)

    def work(number: int) -> None:
        order = ids if number % 2 else ids[::-1]
        start.wait()
        for first in range(0, len(order), 8):
            with sessions.begin() as own:
                claim = claim_photos(own, order[first : first + 8], f"task {number}", MAX)
                claimed.extend(photo.id for photo in claim.photos)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == ids
    assert states(session) == [(PhotoState.WORKING, 1)] * 40
