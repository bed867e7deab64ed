"""Groups of search results, which the engine itself does not know.

Called by `operations`; knows neither HTTP nor the engine.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol


class Scored(Protocol):
    """A point of a search result, with the payload that it is grouped by."""

    payload: dict[str, Any] | None


Search = Callable[[int], Sequence[Any]]


def collect_groups(
    search: Search, key: str, limit: int, group_size: int
) -> dict[str | int, list[Any]]:
    """The `limit` groups with the best points, each with its best `group_size` points.

    `search(n)` gives the n nearest points, nearest first. It is asked for more until all groups
    are full or there are no more points, so the answer is as exact as the search. A point whose
    payload holds several values counts for each of them.
    """
    asked = 4 * limit * group_size
    while True:
        points = search(asked)
        groups = _group(points, key, limit, group_size)
        full = len(groups) == limit and all(len(each) == group_size for each in groups.values())
        if full or len(points) < asked:
            return groups
        asked *= 4


def _group(
    points: Sequence[Scored], key: str, limit: int, group_size: int
) -> dict[str | int, list[Any]]:
    groups: dict[str | int, list[Any]] = {}
    for point in points:
        for value in _values(point.payload or {}, key):
            if value not in groups and len(groups) < limit:
                groups[value] = []
            if value in groups and len(groups[value]) < group_size:
                groups[value].append(point)
    return groups


def _values(payload: dict[str, Any], key: str) -> Iterator[str | int]:
    value = payload.get(key)
    values = value if isinstance(value, list) else [value]
    # A value that stands twice counts once.
    yield from dict.fromkeys(each for each in values if isinstance(each, str | int))
