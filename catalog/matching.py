"""Pairs the members of two lists that are the same thing, seen twice.

Called by corrections, which find their garments again, and by garments, which find their ids.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

Left = TypeVar("Left")
Right = TypeVar("Right")


def pair_best(
    left: Sequence[Left],
    right: Sequence[Right],
    likeness: Callable[[Left, Right], float],
    least: float,
) -> list[tuple[Left, Right]]:
    """Pair each member at most once, the most alike first; none that are less alike than `least`.

    Of pairs that are equally alike, those further ahead in `left` and then in `right` win.
    """
    scored = [
        (likeness(one, other), place, other_place)
        for place, one in enumerate(left)
        for other_place, other in enumerate(right)
    ]
    pairs: list[tuple[Left, Right]] = []
    taken, other_taken = set[int](), set[int]()
    for score, place, other_place in sorted(scored, key=lambda each: (-each[0], *each[1:])):
        if score >= least and place not in taken and other_place not in other_taken:
            pairs.append((left[place], right[other_place]))
            taken.add(place)
            other_taken.add(other_place)
    return pairs
