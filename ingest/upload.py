"""The ingest itself: rows in, photos that the server lacks and then the rows out, batch by batch.

Called by the CLI. Running it again changes nothing, so a cut ingest is resumed by repeating it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from catalog.errors import LookalikeError
from ingest.client import ApiClient
from ingest.errors import ApiError, ApiUnavailableError, PhotoSourceError, RowError
from ingest.feeds.record import LeftOut
from ingest.photos import LocatedPhoto, PhotoSource
from ingest.report import NullProgress, Progress, Report
from ingest.rows import FeedRow
from lookalike_client.ingesting import MAX_ITEMS

FeedItem = FeedRow | RowError | LeftOut
_REMEDIES = {
    "too_many_bytes": "Use a smaller photo",
    "too_many_pixels": "Use a photo of at most 40 megapixels",
    "not_a_photo": "Export the photo again as JPEG, PNG or WebP",
    "truncated": "The file is cut off: copy or export it again",
    "animated": "Use a still picture",
    "unsupported_format": "Convert it to JPEG, PNG or WebP",
}


@dataclass(frozen=True)
class UploadOptions:
    """Where the rows go and how."""

    catalog: str
    prune: bool = False
    dry_run: bool = False
    batch_rows: int = 100
    threads: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.batch_rows <= MAX_ITEMS:
            raise ValueError(f"batch_rows must be 1 to {MAX_ITEMS}")


def upload_catalog(
    client: ApiClient,
    rows: Iterable[FeedItem],
    photos: PhotoSource,
    options: UploadOptions,
    progress: Progress | None = None,
) -> Report:
    """Send a feed's rows to one catalog; rejected ones are reported and the rest goes on.

    On Ctrl-C the job ends as cancelled, on an error as failed; what was sent stays, and the
    same call again sends only the rest. Raises ApiError, ApiUnavailableError and FeedError.
    """
    upload = _Upload(client, photos, options, progress or NullProgress())
    with _threads(options.threads) as upload.executor:
        return upload.check_all(rows) if options.dry_run else upload.send_all(rows)


class _Upload:
    """One run: the connection, the threads and the report that grows."""

    executor: ThreadPoolExecutor

    def __init__(
        self, client: ApiClient, photos: PhotoSource, options: UploadOptions, progress: Progress
    ) -> None:
        self.client = client
        self.photos = photos
        self.options = options
        self.progress = progress
        self.report = Report()

    def send_all(self, rows: Iterable[FeedItem]) -> Report:
        job = self.client.start_ingest(self.options.catalog, {"prune": self.options.prune}).id
        try:
            for batch in _batches(rows, self.options.batch_rows):
                self._send_batch(batch, job)
        except BaseException as error:
            if not isinstance(error, ApiUnavailableError):
                self._abandon(job, "failed" if isinstance(error, Exception) else "cancelled")
            raise
        self._finish(job)
        return self.report

    def check_all(self, rows: Iterable[FeedItem]) -> Report:
        """Do everything but send: rows are checked, photos located and asked about."""
        for batch in _batches(rows, self.options.batch_rows):
            valid, _ = self._sort_out(batch)
            located, faults = self._locate(valid)
            good = [row for row in valid if not self._reject_faulty(row, faults)]
            self.report.results["valid"] += len(good)
            hashes = {located[photo].sha256 for row in good for photo in row.photos or ()}
            self.report.photos_to_send += (
                len(self.client.find_missing_photos(hashes)) if hashes else 0
            )
            self._end_batch(batch)
        return self.report

    def _send_batch(self, batch: Sequence[FeedItem], job: str) -> None:
        valid, rejected_skus = self._sort_out(batch)
        located, faults = self._locate(valid)
        faults |= self._send_photos(valid, located, faults)
        good: list[FeedRow] = []
        for row in valid:
            if self._reject_faulty(row, faults):
                rejected_skus.append(row.sku)
            else:
                good.append(row)
        rejected_skus += self._post_rows(good, located, job)
        if rejected_skus:
            self.client.mark_seen(self.options.catalog, job, rejected_skus)
        self._end_batch(batch)

    def _sort_out(self, batch: Sequence[FeedItem]) -> tuple[list[FeedRow], list[str]]:
        """The valid rows, and the skus of rows that were rejected already; the rest is counted."""
        valid: list[FeedRow] = []
        rejected_skus: list[str] = []
        for one in batch:
            if isinstance(one, LeftOut):
                self.report.left_out[one.reason] += 1
            elif isinstance(one, RowError):
                self._reject(one)
                rejected_skus += [one.sku] if one.sku else []
            else:
                valid.append(one)
        return valid, rejected_skus

    def _locate(
        self, rows: Sequence[FeedRow]
    ) -> tuple[dict[str, LocatedPhoto], dict[str, PhotoSourceError]]:
        """Every photo that the rows name, by reference; and what is wrong with the others."""
        references = list(dict.fromkeys(photo for row in rows for photo in row.photos or ()))
        self.report.photos_named += len(references)
        located: dict[str, LocatedPhoto] = {}
        faults: dict[str, PhotoSourceError] = {}
        for reference, found in zip(
            references, self.executor.map(self._try_locate, references), strict=True
        ):
            if isinstance(found, PhotoSourceError):
                faults[reference] = found
            else:
                located[reference] = found
        return located, faults

    def _try_locate(self, reference: str) -> LocatedPhoto | PhotoSourceError:
        try:
            return self.photos.locate(reference)
        except PhotoSourceError as error:
            return error

    def _send_photos(
        self,
        rows: Sequence[FeedRow],
        located: Mapping[str, LocatedPhoto],
        faults: Mapping[str, PhotoSourceError],
    ) -> dict[str, PhotoSourceError]:
        """Send what the server lacks of the rows without faults; the photos that it refuses."""
        wanted = {
            located[photo].sha256: located[photo]
            for row in rows
            if not any(photo in faults for photo in row.photos or ())
            for photo in row.photos or ()
        }
        missing = self.client.find_missing_photos(wanted) if wanted else set()
        to_send = [photo for sha256, photo in wanted.items() if sha256 in missing]
        refused: dict[str, PhotoSourceError] = {}
        for photo, sent in zip(to_send, self.executor.map(self._try_send, to_send), strict=True):
            if isinstance(sent, PhotoSourceError):
                refused[photo.sha256] = sent
            else:
                self._count_sent(sent)
        return {
            reference: refused[photo.sha256]
            for reference, photo in located.items()
            if photo.sha256 in refused
        }

    def _try_send(self, photo: LocatedPhoto) -> int | PhotoSourceError:
        """Send one photo, in a thread: its size in bytes, or why the server refuses it."""
        try:
            data = photo.read()
            self.client.put_photo(photo.sha256, data)
        except PhotoSourceError as error:
            return error
        except ApiError as error:
            if error.status not in (400, 413, 422):
                raise
            return _refusal(photo, error)
        return len(data)

    def _count_sent(self, size_bytes: int) -> None:
        self.report.photos_sent += 1
        self.report.bytes_sent += size_bytes
        self.progress.photo_sent(size_bytes)

    def _post_rows(
        self, rows: Sequence[FeedRow], located: Mapping[str, LocatedPhoto], job: str
    ) -> list[str]:
        """Send the rows; the skus of those that the server rejects."""
        if not rows:
            return []
        bodies = [row.to_json(_hashes(row, located)) for row in rows]
        results = self.client.put_items(self.options.catalog, bodies, job)
        rejected_skus = []
        for row, result in zip(rows, results, strict=True):
            if result.status == "failed":
                reason, remedy = result.reason or "refused by the server", result.remedy or ""
                self._reject(RowError(row.path, row.line, reason, remedy, row.sku))
                rejected_skus.append(row.sku)
            else:
                self.report.results[result.status] += 1
        return rejected_skus

    def _reject_faulty(self, row: FeedRow, faults: Mapping[str, PhotoSourceError]) -> bool:
        """Reject a row as a whole if any of its photos can't be had.

        Sending it with the others would take a photo from an item that still has it on the server.
        """
        fault = next((faults[photo] for photo in row.photos or () if photo in faults), None)
        if fault is None:
            return False
        self._reject(RowError(row.path, row.line, str(fault), fault.remedy, row.sku))
        return True

    def _reject(self, error: RowError) -> None:
        self.report.reject(error)
        self.progress.rejected(error)

    def _end_batch(self, batch: Sequence[FeedItem]) -> None:
        self.photos.forget_downloads()
        self.progress.advance(len(batch))

    def _finish(self, job: str) -> None:
        if self.options.prune:
            self.report.prune_refused = _why_not_prune(self.report)
        prune = self.options.prune and not self.report.prune_refused
        pruned = self.client.finish_ingest(job, "done", prune, self.report.to_json())
        self.report.pruned = pruned if prune else None

    def _abandon(self, job: str, state: str) -> None:
        """Tell the server that nothing more will come, if it still listens."""
        try:
            self.client.finish_ingest(job, state, False, self.report.to_json())
        except LookalikeError:
            return


def _why_not_prune(report: Report) -> str | None:
    if report.nameless_rejects:
        return (
            f"{report.nameless_rejects} rejected rows have no readable sku, so their items "
            "can't be told from those that left the feed"
        )
    if not report.results.total():
        return "no row of the feed was taken, and pruning would empty the catalog"
    return None


def _refusal(photo: LocatedPhoto, error: ApiError) -> PhotoSourceError:
    reason = error.reason or "refused"
    remedy = _REMEDIES.get(reason, "Export the photo again as JPEG, PNG or WebP")
    return PhotoSourceError(reason, photo.reference, f"{photo.reference}: {error}", remedy)


def _hashes(row: FeedRow, located: Mapping[str, LocatedPhoto]) -> list[str] | None:
    """The row's photos by hash, each once, in the feed's order; None leaves them as they are."""
    if row.photos is None:
        return None
    return list(dict.fromkeys(located[photo].sha256 for photo in row.photos))


def _batches(rows: Iterable[FeedItem], size: int) -> Iterator[list[FeedItem]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads of which an error or Ctrl-C leaves only the requests under way to be waited for."""
    executor = ThreadPoolExecutor(count, thread_name_prefix="ingest")
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
