"""Indexes photos: claim, decode, see, save; one batch decodes and another saves meanwhile.

Called by the `index_photos` task and, for single batches, by the re-index of photos.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import islice

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from catalog.claims import (
    WAITS_FOR_MODELS,
    claim_photos,
    fail_photo,
    finish_photo,
    hold_claims,
    release_claims,
)
from catalog.errors import (
    CheckpointError,
    ConfigError,
    LookalikeError,
    NotFoundError,
    PhotoError,
    UnavailableError,
)
from catalog.garments import save_found
from catalog.photos.decode import decode_photo, photo_limits
from catalog.photos.image_store import photo_key
from catalog.photos.lost import BYTES_LOST
from catalog.queue import enqueue_photos
from catalog.roles import assign_roles
from catalog.search.generations import building_generation, hold_live_generations
from catalog.search.outbox import mark_dirty
from catalog.tables import Embedding, Photo, Work
from models.ahead import work_ahead
from workers.resources import Resources
from workers.seeing import Pixels, SeenPhoto, see_photos
from workers.stopping import stop_requested

_DECODERS = 2
_REASON_LENGTH = 300

_NO_FAULT = (UnavailableError, OperationalError, CheckpointError, ConfigError)
"""What goes wrong around photos rather than with them: never counted against them."""


class StaleTargetsError(LookalikeError):
    """A re-index has begun or switched since the photos were claimed; they must be seen anew."""


@dataclass(frozen=True)
class PhotoRef:
    """A claimed photo, free of any session: threads pass it around."""

    id: int
    sha256: str


@dataclass(frozen=True)
class Target:
    """One segmenter and the embedders whose generations live on its garments."""

    segmenter: str
    embedders: tuple[str, ...]


@dataclass(frozen=True)
class Decoded:
    photo: PhotoRef
    pixels: Pixels | None
    error: PhotoError | None = None


@dataclass
class Outcome:
    """What became of the photos of one task."""

    indexed: int = 0
    failed: int = 0
    handed_back: int = 0
    garments: int = 0


def index_photos(resources: Resources, photo_ids: Sequence[int], task_id: str) -> Outcome:
    """Claim these photos and index every one that is ours to do.

    Photos that were not begun when the task is told to stop, or whose models are no longer the
    right ones, go back on the queue. An error is raised with all unfinished photos pending again:
    what is no fault of theirs waits for this task's retry or the sweep; anything else is counted,
    so that the sweep has them tried singly and the guilty one ends up failed with its reason.
    """
    services, settings = resources.services, resources.settings
    targets = live_targets(resources)
    with services.sessions.begin() as session:
        claim = claim_photos(session, photo_ids, task_id, settings.photo_attempts)
        photos = [PhotoRef(photo.id, photo.sha256) for photo in claim.photos]
    _enqueue(resources, claim.retry_singly)
    outcome = Outcome(failed=len(claim.quarantined))
    stopwatch = _Stopwatch(resources, targets)
    unfinished = {photo.id for photo in photos}
    try:
        for photo_id, garments in _work_through(resources, photos, targets, task_id):
            unfinished.discard(photo_id)
            outcome.indexed += garments is not None
            outcome.failed += garments is None
            outcome.garments += garments or 0
    except StaleTargetsError:
        pass  # what is unfinished goes back
    except _NO_FAULT as error:
        _release(resources, unfinished, task_id, _waiting_for(error))
        raise
    except Exception as error:  # the edge of the task: whatever it is, no photo may be lost by it
        _release(resources, unfinished, task_id, _describe(error), counted=True)
        raise
    if unfinished:
        _release(resources, unfinished, task_id)
        _enqueue(resources, sorted(unfinished))
        outcome.handed_back = len(unfinished)
    stopwatch.save(outcome.indexed)
    return outcome


class _Stopwatch:
    """Measures a task's photos, where no model had to be loaded first and one pair looks at them.

    While a re-index builds, two look: that says nothing about either.
    """

    def __init__(self, resources: Resources, targets: Sequence[Target]) -> None:
        first = targets[0]
        used = (first.segmenter, *first.embedders)
        self._counts = len(used) == 2 and len(targets) == 1 and all(map(resources.has_loaded, used))
        self._resources = resources
        self._segmenter = first.segmenter
        self._started = time.monotonic()

    def save(self, photos: int) -> None:
        pace = self._resources.pace
        if self._counts:
            pace.note(Work.PHOTOS, photos, time.monotonic() - self._started, self._segmenter)
        with self._resources.services.sessions.begin() as session:
            pace.save(session)


def live_targets(resources: Resources) -> list[Target]:
    """What a new photo must be seen by: the active generation's pair first."""
    active = resources.active_generation()
    with resources.services.sessions() as session:
        building = building_generation(session)
    embedders: dict[str, list[str]] = {}
    for generation in (active, building) if building else (active,):
        names = embedders.setdefault(generation.segmenter, [])
        if generation.embedder not in names:
            names.append(generation.embedder)
    return [Target(segmenter, tuple(names)) for segmenter, names in embedders.items()]


def decode(resources: Resources, photo: PhotoRef) -> Decoded:
    """Fetch and decode one photo; a photo that can't be used comes back with its error."""
    try:
        data = resources.services.images.get(photo_key(photo.sha256))
        return Decoded(photo, decode_photo(data, photo_limits(resources.settings)))
    except PhotoError as error:
        return Decoded(photo, None, error)
    except NotFoundError:
        gone = PhotoError("bytes_missing", BYTES_LOST)
        return Decoded(photo, None, gone)


def save_seen(session: Session, photo: Photo, target: Target, seen: SeenPhoto) -> int:
    """Store what one segmenter saw in one photo, with the vectors of all its embedders."""
    first, *others = target.embedders
    garments = save_found(
        session, photo, target.segmenter, seen.garments, first, seen.vectors[first]
    )
    for embedder in others:
        session.add_all(
            Embedding(garment_id=garment.id, embedder=embedder, vector=vector)
            for garment, vector in zip(garments, seen.vectors[embedder], strict=True)
        )
    if others:
        mark_dirty(session, [garment.id for garment in garments])
    return len(garments)


def _work_through(
    resources: Resources, photos: Sequence[PhotoRef], targets: Sequence[Target], task_id: str
) -> Iterator[tuple[int, int | None]]:
    """Yield (photo id, garments saved, None for a failed photo) once each photo is committed."""
    with ExitStack() as stack:
        decoders = stack.enter_context(ThreadPoolExecutor(_DECODERS, "decode"))
        saver = stack.enter_context(ThreadPoolExecutor(1, "save"))
        saving: Future[list[tuple[int, int | None]]] | None = None
        batches = _decode_ahead(resources, photos, decoders)

        def see(batch: Sequence[Decoded]) -> list[Result]:
            return see_batch(resources, batch, targets)

        # Two at a time: while a network works on one batch, the other is cut out and described.
        for results in work_ahead(see, batches, ahead=1):
            if saving:
                yield from saving.result()
            saving = saver.submit(_save_batch, resources, results, targets, task_id)
        if saving:
            yield from saving.result()


def _decode_ahead(
    resources: Resources, photos: Sequence[PhotoRef], decoders: ThreadPoolExecutor
) -> Iterator[list[Decoded]]:
    """Batches of decoded photos, the next one decoding while the caller works on this one.

    Ends early when the worker is asked to stop.
    """
    rest = iter(photos)

    def submit() -> list[Future[Decoded]]:
        batch = islice(rest, resources.settings.segment_batch)
        return [decoders.submit(decode, resources, photo) for photo in batch]

    ahead = submit()
    while ahead and not stop_requested():
        batch = [future.result() for future in ahead]
        ahead = submit()
        yield batch


@dataclass(frozen=True)
class Result:
    """What each target saw in one photo, or why none could see it."""

    photo: PhotoRef
    seen: list[SeenPhoto]  # one for each target
    error: PhotoError | None = None


def see_batch(
    resources: Resources, batch: Sequence[Decoded], targets: Sequence[Target]
) -> list[Result]:
    """Let all targets see some photos; one that can't be seen comes back with its error."""
    good = [decoded for decoded in batch if decoded.pixels is not None]
    bad = [Result(decoded.photo, [], decoded.error) for decoded in batch if decoded.error]
    try:
        return bad + _see(resources, good, targets)
    except RuntimeError:
        # torch raises RuntimeError for anything from a bad shape to memory that ran out. Alone,
        # each photo has the most room, and only the guilty one fails.
        return bad + [_see_alone(resources, decoded, targets) for decoded in good]


def _see(resources: Resources, batch: Sequence[Decoded], targets: Sequence[Target]) -> list[Result]:
    if not batch:
        return []
    pixels = [decoded.pixels for decoded in batch if decoded.pixels is not None]
    by_target = [
        see_photos(
            pixels,
            resources.segmenter(target.segmenter),
            {name: resources.embedder(name) for name in target.embedders},
            resources.settings.embed_batch,
            resources.pace,
        )
        for target in targets
    ]
    return [
        Result(decoded.photo, list(seen)) for decoded, *seen in zip(batch, *by_target, strict=True)
    ]


def _see_alone(resources: Resources, decoded: Decoded, targets: Sequence[Target]) -> Result:
    try:
        return _see(resources, [decoded], targets)[0]
    except RuntimeError as error:
        reason = PhotoError("model_failed", f"the models failed on it: {error}")
        return Result(decoded.photo, [], reason)


def _save_batch(
    resources: Resources, results: Sequence[Result], targets: Sequence[Target], task_id: str
) -> list[tuple[int, int | None]]:
    """Garments, crops, vectors and dirty entries of a batch, in one transaction.

    A photo that is no longer ours (deleted, or swept and claimed by another task) counts as done.
    Raises StaleTargetsError when a generation lives now that these targets do not serve.
    """
    done = {result.photo.id: 0 for result in results}
    saved: dict[int, int | None] = {}
    served = {(target.segmenter, name) for target in targets for name in target.embedders}
    with resources.services.sessions.begin() as session:
        live = hold_live_generations(session)
        if not served.issuperset((each.segmenter, each.embedder) for each in live):
            raise StaleTargetsError("a re-index has begun or switched meanwhile")
        held = {photo.id: photo for photo in hold_claims(session, list(done), task_id)}
        for result in results:
            if photo := held.get(result.photo.id):
                saved[photo.id] = _save_result(session, photo, result, targets)
        session.flush()
        indexed = [photo_id for photo_id, garments in saved.items() if garments is not None]
        assign_roles(session, indexed, resources.settings.shop_words)
    return list((done | saved).items())


def _save_result(
    session: Session, photo: Photo, result: Result, targets: Sequence[Target]
) -> int | None:
    if result.error is not None:
        fail_photo(session, photo.id, str(result.error))
        return None
    counts = [
        save_seen(session, photo, target, seen)
        for target, seen in zip(targets, result.seen, strict=True)
    ]
    finish_photo(session, photo.id, targets[0].segmenter)
    return counts[0]


def _release(
    resources: Resources,
    photo_ids: Collection[int],
    task_id: str,
    reason: str | None = None,
    *,
    counted: bool = False,
) -> None:
    """Let go of claims; with the database away the sweep finds them once they are stale."""
    with suppress(OperationalError), resources.services.sessions.begin() as session:
        release_claims(session, sorted(photo_ids), task_id, reason, counted=counted)


def _enqueue(resources: Resources, photo_ids: Sequence[int]) -> None:
    services = resources.services
    if photo_ids:
        with services.sessions() as session:
            enqueue_photos(services.queue, session, photo_ids, services.settings.photos_per_task)


def _waiting_for(error: Exception) -> str | None:
    """What an operator has to put right before these photos can go on; None for what passes."""
    if isinstance(error, CheckpointError | ConfigError):
        return f"{WAITS_FOR_MODELS}: {error}"[:_REASON_LENGTH]
    return None


def _describe(error: Exception) -> str:
    """The kind of error and its first words: some carry whole statements with their vectors."""
    return f"{type(error).__name__}: {error}"[:_REASON_LENGTH]
