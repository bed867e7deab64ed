"""The basic block of torso garments: the `Upper` cut and the edges that its pieces share."""

from dataclasses import dataclass
from typing import Literal

from sample.geometry import Points, curve, join
from sample.pieces import RGB, Cloth, Figure

Neck = Literal["crew", "scoop", "v", "boat", "square", "strap", "shirt", "lapel", "hood", "turtle",
               "stand", "shawl", "polo", "bow"]  # fmt: skip
Closure = Literal["none", "buttons", "zip", "double", "half", "belt"]
Pocket = Literal["none", "chest", "patch", "flap", "kangaroo", "welt"]


@dataclass(frozen=True)
class Upper:
    """A cut. Widths are halves, in heads; `length` is the hem's y; `sleeve` 0-1 of the arm."""

    cloth: Cloth
    lining: Cloth
    neck: Neck = "crew"
    neck_width: float = 0.28
    neck_depth: float = 0.28
    shoulder: float = 0.74
    chest: float = 0.66
    waist: float = 0.62
    hip: float = 0.66
    length: float = 2.4
    hem_drop: float = 0.04
    sleeve: float = 0.4
    sleeve_width: float = 0.22
    cuff_width: float = 0.2
    rib: bool = False
    closure: Closure = "none"
    open: bool = False
    pocket: Pocket = "none"
    trim: RGB = (230, 220, 200)
    puff: float = 0.0
    flare: float = 0.0
    tiers: int = 0
    pleats: int = 0
    seam_at_waist: bool = False
    hood_up: bool = True
    cuffed: bool = True


def shoulder_y(x: float) -> float:
    """The height of the shoulder slope at a distance from the middle."""
    return -0.05 + 0.36 * (abs(x) - 0.2)


def neckline(cut: Upper, depth: float) -> Points:
    """The right half of the neckline from the middle to the shoulder."""
    width = cut.neck_width
    top = (width, shoulder_y(width))
    if cut.neck in ("v", "lapel", "shawl", "polo", "shirt", "bow"):
        return curve((0.0, depth), (0.55 * width, 0.42 * depth), top)
    if cut.neck == "square":
        return join([(0.0, depth), (width - 0.05, depth), top])
    if cut.neck == "strap":
        return curve((0.0, depth), (0.6 * width, depth - 0.06), (width - 0.04, 0.25), top)
    return curve((0.0, depth), (0.6 * width, 0.8 * depth), (width, max(top[1], 0.0) - 0.03))


def armhole(cut: Upper) -> Points:
    """The right armhole from the shoulder tip to the underarm."""
    tip = (cut.shoulder, shoulder_y(cut.shoulder))
    if cut.neck == "strap":
        inner = cut.neck_width + 0.05
        return curve((inner, shoulder_y(inner)), (inner + 0.03, 0.4), (cut.chest, 0.82))
    bite = 0.07 if cut.sleeve else 0.12
    return curve(tip, (min(cut.shoulder, cut.chest) - bite, 0.55), (cut.chest, 0.82))


def side_seam(cut: Upper) -> Points:
    """The right edge from the underarm to the hem."""
    hem = (cut.hip + cut.flare, cut.length)
    if cut.length < 1.5:
        return curve((cut.chest, 0.82), (0.5 * (cut.chest + hem[0]), 0.5 * (0.82 + hem[1])), hem)
    if cut.length < 2.2:
        return curve((cut.chest, 0.82), (cut.waist, 1.5), hem)
    if cut.length < 2.8:
        return curve((cut.chest, 0.82), (cut.waist, 1.55), hem)
    hip = (cut.hip + 0.12 * cut.flare, 2.4)
    middle = (cut.hip + 0.5 * cut.flare, 0.5 * (2.4 + cut.length))
    return curve((cut.chest, 0.82), (cut.waist, 1.55), hip, middle, hem)


def hem_edge(cut: Upper) -> Points:
    """The hem from the right edge to the middle."""
    width = cut.hip + cut.flare
    return curve(
        (width, cut.length),
        (0.55 * width, cut.length + 0.75 * cut.hem_drop),
        (0.0, cut.length + cut.hem_drop),
    )


def neck_depth(cut: Upper, figure: Figure) -> float:
    if figure.back:
        return 0.35 if cut.neck == "strap" else 0.05
    return cut.neck_depth


def across_body(cut: Upper, y: float) -> Points:
    """A line from side to side that follows the hem's bow."""
    width = cut.hip + cut.flare + 0.2
    return curve((-width, y), (0.0, y + cut.hem_drop), (width, y))
