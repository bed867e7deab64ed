"""A job in plain words: what it counts, what was asked of it, what came out.

Used by the admin's templates; nobody wants to read a dictionary.
"""

from collections.abc import Iterator
from typing import Any

from catalog.tables import Job, JobKind

_UNITS = {"photos": "photos", "crops": "garments", "vectors": "garments"}
_PARAMETERS = {
    "kind": "Built from",
    "switch": "When it is ready",
    "segmenter": "Segmenter",
    "embedder": "Embedder",
    "reason": "Started because",
    "prune": "Delete items that left the feed",
    "max_changed": "Neighbours that may change",
}
_RESULTS = {
    "created": "Items created",
    "updated": "Items updated",
    "unchanged": "Items unchanged",
    "pruned": "Items deleted",
    "rejected": "Rows rejected",
    "left_out": "Rows left out by the feed",
    "photos_sent": "Photos sent",
    "old_count": "Garments in the old index",
    "new_count": "Garments in the new index",
    "self_match": "Garments that find themselves",
    "changed_top": "Changed among the ten nearest garments",
    "switched": "Switched by itself",
}
_SHARES = {"self_match", "changed_top", "max_changed"}
_SWITCH = {"auto": "switch over by itself if the gate holds", "manual": "wait for a person"}


def unit_of(job: Job) -> str:
    """The plural of what a job counts."""
    if job.kind is JobKind.INGEST:
        return "rows"
    return _UNITS.get(job.parameters.get("kind", ""), "steps")


def asked_of(job: Job) -> Iterator[tuple[str, str]]:
    """(name, value) of a job's parameters that mean something to a person."""
    for name, value in job.parameters.items():
        if name in _PARAMETERS and value is not None:
            yield _PARAMETERS[name], _SWITCH.get(str(value), _word(name, value))


def result_of(job: Job) -> Iterator[tuple[str, str]]:
    """(name, value) of a job's result, what is unknown or nothing left out."""
    for name, value in job.result.items():
        if name in _RESULTS and value is not None:
            yield _RESULTS[name], _word(name, value)
    if "bytes_sent" in job.result:
        yield "Data sent", f"{job.result['bytes_sent'] / 1e6:,.1f} MB"


def _word(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _SHARES:
        return f"{value:.1%}".replace(".0%", "%")
    return f"{value:,}" if isinstance(value, int) else str(value)
