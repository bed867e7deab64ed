"""Pattern maker for what finishes a neck: bands, collars, lapels, hoods and bows."""

import numpy as np

from sample.blocks import (
    Upper,
    neck_depth,
    neckline,
)
from sample.geometry import (
    curve,
    ellipse,
    flip,
    join,
    mirror,
    move,
    ribbon,
    spread,
    symmetric,
)
from sample.pieces import Cloth, Figure, Piece, Stroke, shaded


def make_collar(cut: Upper, figure: Figure) -> list[Piece]:
    """What finishes the neck."""
    if figure.back:
        return _back_collar(cut)
    if cut.neck in ("shirt", "polo"):
        cloth = cut.cloth
        leaf = [
            (0.015, cut.neck_depth - 0.02),
            (cut.neck_width * 0.98, -0.16),
            (cut.neck_width + 0.06, 0.02),
        ]
        outline = join(curve(*leaf[:2]), [leaf[2], (0.34, 0.34), (0.28, 0.37)])
        grain = (0.0, 0.0, 0.5)
        return [
            Piece(flip(outline, s), cloth, grain=(0.0, 0.0, s * grain[2]), lift=0.03)
            for s in (1, -1)
        ]
    if cut.neck == "lapel":
        return _lapels(cut)
    if cut.neck == "shawl":
        edge = curve((0.02, cut.neck_depth + 0.04), (0.24, 0.6), (cut.neck_width, -0.08))
        outer = curve((cut.neck_width + 0.1, 0.02), (0.46, 0.5), (0.03, cut.neck_depth + 0.06))
        shape = join(edge, outer)
        return [
            Piece(flip(shape, s), cut.cloth, grain=(0, 0, -0.4 * s), lift=0.04) for s in (1, -1)
        ]
    if cut.neck == "turtle":
        return [_tube(cut, 0.44, cut.cloth.ribbed())]
    if cut.neck == "stand":
        return [_tube(cut, 0.30, cut.cloth.plain(), slit=cut.closure == "zip")]
    if cut.neck == "hood":
        return _hood_front(cut)
    if cut.neck == "bow":
        return _bow(cut)
    if cut.open and cut.neck == "v":
        return []
    return _neck_band(cut)


def _neck_band(cut: Upper) -> list[Piece]:
    half = neckline(cut, cut.neck_depth)
    line = join(mirror(half), half[1:])
    wide = 0.045 if cut.rib or cut.neck == "crew" else 0.02
    cloth = cut.cloth.ribbed() if cut.rib else cut.cloth.plain()
    return [Piece(ribbon(move(line, 0, wide * 0.6), wide), cloth, shade=-0.04)]


def _back_collar(cut: Upper) -> list[Piece]:
    if cut.neck == "hood":
        hood = symmetric(curve((0.0, 0.75), (0.3, 0.6), (0.46, 0.2), (0.34, -0.12), (0.0, -0.2)))
        middle = Stroke(np.array([(0.0, -0.2), (0.0, 0.75)]))
        return [Piece(hood, cut.cloth, (middle,), lift=0.06)]
    width = cut.neck_width
    if cut.neck in ("shirt", "polo", "lapel", "shawl", "bow"):
        edge = [curve((0.0, -0.2), (width * 0.9, -0.15)), curve((width + 0.1, 0.06), (0.0, 0.17))]
        return [Piece(symmetric(*edge), cut.cloth, lift=0.03)]
    if cut.neck == "turtle":
        return [_tube(cut, 0.44, cut.cloth.ribbed())]
    if cut.neck == "stand":
        return [_tube(cut, 0.30, cut.cloth.plain())]
    half = neckline(cut, neck_depth(cut, Figure(back=True)))
    line = join(mirror(half), half[1:])
    return [Piece(ribbon(move(line, 0, 0.02), 0.03), cut.cloth.plain(), shade=-0.04)]


def _lapels(cut: Upper) -> list[Piece]:
    width, depth = cut.neck_width, cut.neck_depth
    lapel = join(
        curve((0.02, depth + 0.04), (0.5 * width, 0.45 * depth), (width - 0.02, 0.0)),
        [(0.42, 0.2), (0.36, 0.3), (0.52, 0.27)],
        curve((0.52, 0.27), (0.4, 0.6 * depth + 0.1), (0.02, depth + 0.08)),
    )
    collar = join(
        curve((width * 0.55, 0.28), (width - 0.02, 0.0), (width - 0.06, -0.17)),
        [(width + 0.1, -0.02), (0.5, 0.16), (0.4, 0.24)],
    )
    pieces = []
    for side in (1, -1):
        pieces.append(Piece(flip(lapel, side), cut.cloth, grain=(0, 0, -0.3 * side), lift=0.04))
        pieces.append(Piece(flip(collar, side), cut.cloth, grain=(0, 0, 0.6 * side), lift=0.03))
    return pieces


def _tube(cut: Upper, height: float, cloth: Cloth, slit: bool = False) -> Piece:
    width = max(cut.neck_width, 0.29)
    top = 0.06 - height
    outline = symmetric(
        curve((0.0, top - 0.03), (0.7 * width, top - 0.02), (width * 0.92, top + 0.02)),
        curve((width * 0.95, top + 0.1), (width + 0.03, 0.02), (width * 0.6, 0.16), (0.0, 0.2)),
    )
    fold = Stroke(curve((-width, top + 0.2), (0, top + 0.25), (width, top + 0.2)), "fold")
    strokes: tuple[Stroke, ...] = (fold,)
    if slit:
        strokes = (Stroke(np.array([(0.0, top - 0.1), (0.0, 0.3)]), "line", (200, 200, 205), 0.03),)
    return Piece(outline, cloth, strokes, lift=0.03)


def _hood_front(cut: Upper) -> list[Piece]:
    """The hood's lower edges crossing at the neck, and its drawstrings."""
    pieces = []
    for side in (-1, 1):
        shape = join(
            curve((0.5, -0.1), (0.46, 0.14), (0.2, 0.36), (-0.06, 0.44)),
            curve((-0.02, 0.3), (0.18, 0.14), (0.3, -0.12), (0.4, -0.2)),
        )
        pieces.append(Piece(flip(shape, side), cut.cloth, grain=(0, 0, 0.5 * side), lift=0.03))
    for side in (-1, 1):
        start = np.array([side * 0.12, 0.3])
        cord = curve(tuple(start), (side * 0.15, 0.7), (side * (0.13 + 0.02 * side), 1.05))
        pieces.append(Piece(ribbon(cord, 0.018), Cloth("plain", (cut.trim,)), lift=0.02))
        tip = ellipse((float(cord[-1][0]), 1.07), 0.026, 0.05)
        pieces.append(Piece(tip, Cloth("plain", (shaded(cut.trim, 0.7),))))
    return pieces


def make_hood(cut: Upper, figure: Figure) -> list[Piece]:
    """The hood behind the head: standing up on a flat, fallen back on a wearer."""
    if figure.worn:
        crumple = symmetric(
            curve((0.0, -0.34), (0.34, -0.3), (0.5, -0.06), (0.44, 0.2), (0.0, 0.3))
        )
        return [Piece(crumple, cut.cloth, behind=True, shade=-0.08)]
    outside = symmetric(
        curve((0.0, -0.92), (0.3, -0.84), (0.5, -0.5), (0.52, -0.15), (0.4, 0.12), (0.0, 0.3))
    )
    inside = symmetric(curve((0.0, -0.72), (0.2, -0.66), (0.32, -0.4), (0.3, -0.1), (0.0, 0.3)))
    middle = Stroke(np.array([(0.0, -0.72), (0.0, 0.1)]), width=0.01)
    return [
        Piece(outside, cut.cloth, behind=True),
        Piece(inside, cut.lining, (middle,), behind=True, shade=-0.26),
    ]


def _bow(cut: Upper) -> list[Piece]:
    """A pussy bow at the throat."""
    cloth, y = cut.cloth, cut.neck_depth + 0.02
    half = neckline(cut, cut.neck_depth)
    pieces = [Piece(ribbon(join(mirror(half), half[1:]), 0.05), cloth, shade=-0.03)]
    for side in (1, -1):
        tail = curve((0.0, y), (side * 0.08, y + 0.35), (side * 0.16, y + 0.8))
        pieces.append(Piece(ribbon(tail, spread([0.04, 0.09], len(tail))), cloth, lift=0.03))
    for side in (1, -1):
        loop = curve((0.0, y), (0.2, y - 0.14), (0.38, y - 0.02), (0.32, y + 0.14), (0.0, y + 0.02))
        pieces.append(Piece(flip(loop, side), cloth, grain=(0, 0, side * 1.2), lift=0.04))
    return [*pieces, Piece(ellipse((0.0, y), 0.06, 0.07), cloth, lift=0.02)]
