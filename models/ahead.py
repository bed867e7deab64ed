"""Work that is done ahead in threads while the caller is busy with what came before.

Used by training, extraction and the workers: reading beside a network that computes.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def work_ahead(
    work: Callable[[Job], Result], jobs: Iterable[Job], ahead: int, threads: int = 2
) -> Iterator[Result]:
    """The result of each job in order; at most `ahead` jobs are taken before they are asked for.

    An error of a job is raised where its result would come.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for job in jobs:
            waiting.append(pool.submit(work, job))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
