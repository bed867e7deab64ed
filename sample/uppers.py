"""Pattern maker for what is worn on the torso: from T-shirts to coats and dresses."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sample.geometry import (
    Points,
    curve,
    ellipse,
    flip,
    join,
    mirror,
    offset,
    resample,
    ribbon,
    spread,
    symmetric,
)
from sample.pieces import RGB, Cloth, Figure, Piece, Stroke, shaded

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


def make_upper(cut: Upper, figure: Figure) -> list[Piece]:
    """The pieces of one garment as worn by a figure or laid flat in its pose."""
    pieces = _behind(cut, figure)
    for side in (1.0, -1.0):
        if cut.sleeve:
            pieces += _sleeve(cut, figure, side)
    pieces += _panels(cut) if cut.open and not figure.back else [_body(cut, figure)]
    pieces += _hem_band(cut, figure)
    pieces += _pockets(cut, figure)
    return pieces + _collar(cut, figure)


def _side_seam(cut: Upper) -> Points:
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


def _armhole(cut: Upper) -> Points:
    """The right armhole from the shoulder tip to the underarm."""
    tip = (cut.shoulder, shoulder_y(cut.shoulder))
    if cut.neck == "strap":
        inner = cut.neck_width + 0.05
        return curve((inner, shoulder_y(inner)), (inner + 0.03, 0.4), (cut.chest, 0.82))
    bite = 0.07 if cut.sleeve else 0.12
    return curve(tip, (min(cut.shoulder, cut.chest) - bite, 0.55), (cut.chest, 0.82))


def _neckline(cut: Upper, depth: float) -> Points:
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


def _depth(cut: Upper, figure: Figure) -> float:
    if figure.back:
        return 0.35 if cut.neck == "strap" else 0.05
    return cut.neck_depth


def _hem(cut: Upper) -> Points:
    """The hem from the right edge to the middle."""
    width = cut.hip + cut.flare
    return curve(
        (width, cut.length),
        (0.55 * width, cut.length + 0.75 * cut.hem_drop),
        (0.0, cut.length + cut.hem_drop),
    )


def _half(cut: Upper, figure: Figure) -> list[Points]:
    return [_neckline(cut, _depth(cut, figure)), _armhole(cut), _side_seam(cut), _hem(cut)]


def _behind(cut: Upper, figure: Figure) -> list[Piece]:
    """What shows through the neck opening and, of open garments, between the fronts."""
    if figure.back:
        return []
    width = cut.neck_width
    top = (width, shoulder_y(width))
    nape = curve((0.0, 0.06), (0.6 * width, 0.04), top)
    if cut.neck == "strap":
        nape = curve((0.0, 0.42), (0.6 * width, 0.4), (width - 0.02, 0.2), top)
    pieces: list[Piece] = []
    if cut.neck == "hood":
        pieces += _hood(cut, figure)
    if cut.open:
        half = [nape, _armhole(cut), _side_seam(cut), _hem(cut)]
        return [*pieces, Piece(symmetric(*half), cut.lining, behind=True, shade=-0.25)]
    if cut.neck == "turtle":
        return pieces
    opening = join(nape, _neckline(cut, cut.neck_depth)[::-1])
    outline = join(nape, _neckline(cut, cut.neck_depth + 0.05)[::-1])
    inside = join(outline, mirror(outline)) if len(opening) else outline
    return [*pieces, Piece(inside, cut.lining, behind=True, shade=-0.28)]


def _body(cut: Upper, figure: Figure) -> Piece:
    strokes = _closure(cut, figure) + _body_seams(cut, figure)
    lift = 0.0 if figure.worn else 0.05
    return Piece(symmetric(*_half(cut, figure)), cut.cloth, tuple(strokes), lift=lift)


def _body_seams(cut: Upper, figure: Figure) -> list[Stroke]:
    strokes = []
    width = cut.hip + cut.flare
    if cut.cloth.material == "denim":
        thread = (214, 160, 92)
        strokes.append(Stroke(_across(cut, cut.length - 0.1), "stitch", thread))
        for side in (1, -1):
            yoke = np.array([(side * 0.02, 0.62), (side * cut.chest, 0.58)])
            strokes += [Stroke(yoke), Stroke(yoke + (0, 0.035), "stitch", thread)]
            panel = flip(curve((0.34, 0.62), (0.3, 1.3), (0.2, cut.length)), side)
            strokes += [Stroke(panel), Stroke(panel + (0.035, 0), "stitch", thread)]
    elif not cut.rib and cut.cloth.material not in ("quilt", "diamond"):
        strokes.append(Stroke(_across(cut, cut.length - 0.09), "seam", width=0.01))
    if cut.seam_at_waist:
        strokes.append(Stroke(_across(cut, 1.5)))
        for x in np.linspace(-0.8, 0.8, 7):
            fold = curve(
                (x * cut.waist, 1.54), (x * (cut.waist + 0.1), 1.9), (x * width * 0.9, 2.6)
            )
            strokes.append(Stroke(fold, "fold", width=0.035))
    for tier in range(1, cut.tiers + 1):
        y = 1.5 + (cut.length - 1.5) * tier / (cut.tiers + 1)
        strokes.append(Stroke(_across(cut, y), "seam", width=0.02))
        strokes.append(Stroke(_across(cut, y + 0.04), "fold", width=0.05))
    for x in np.linspace(-0.85, 0.85, cut.pleats):
        pleat = np.array([(x * cut.waist, 1.55), (x * width, cut.length)])
        strokes.append(Stroke(pleat, "fold", width=0.03))
    if not figure.back and cut.length > 1.6:
        for side in (1, -1):
            tuck = flip(curve((cut.waist, 1.5), (0.3, 1.42), (0.12, 1.5)), side)
            strokes.append(Stroke(tuck, "fold", width=0.03))
    return strokes


def _across(cut: Upper, y: float) -> Points:
    """A line from side to side that follows the hem's bow."""
    width = cut.hip + cut.flare + 0.2
    return curve((-width, y), (0.0, y + cut.hem_drop), (width, y))


def _panels(cut: Upper) -> list[Piece]:
    """The two open fronts."""
    width = cut.hip + cut.flare
    pieces = []
    for side in (1.0, -1.0):
        gap = 0.16 + 0.05 * side
        front = curve(
            (cut.neck_width * 0.95, 0.02), (gap + 0.04, 0.6), (gap, 1.5), (gap + 0.12, cut.length)
        )
        hem = curve((width, cut.length), (0.6 * width, cut.length + 0.05), tuple(front[-1]))
        right = join(
            [(cut.neck_width, shoulder_y(cut.neck_width))],
            _armhole(cut),
            _side_seam(cut),
            hem,
            front[::-1],
        )
        edge = Stroke(flip(offset(front, -0.05), side), "seam", width=0.01)
        strokes: tuple[Stroke, ...] = (edge,)
        if cut.closure in ("buttons", "double") and side > 0:
            strokes += (Stroke(_button_row(cut, gap + 0.09), "dot", cut.trim, 0.035),)
        elif cut.closure == "zip":
            strokes += (Stroke(flip(offset(front, -0.02), side), "line", (188, 188, 192), 0.03),)
        pieces.append(Piece(flip(right, side), cut.cloth, strokes, lift=0.06))
    return pieces


def _button_row(cut: Upper, x: float, count: int = 0) -> Points:
    top = cut.neck_depth + 0.1
    bottom = min(cut.length - 0.25, 2.6)
    number = count or max(3, round((bottom - top) / 0.34))
    return np.stack([np.full(number, x), np.linspace(top, bottom, number)], 1)


def _closure(cut: Upper, figure: Figure) -> list[Stroke]:
    if figure.back:
        return (
            [Stroke(np.array([(0.0, 0.1), (0.0, cut.length)]))] if cut.closure == "double" else []
        )
    top = cut.neck_depth
    if cut.closure == "buttons":
        row = Stroke(_button_row(cut, 0.0), "dot", cut.trim, 0.033)
        edges = [np.array([(x, top - 0.1), (x, cut.length + 0.2)]) for x in (-0.07, 0.07)]
        return [Stroke(edges[0], width=0.01), Stroke(edges[1], width=0.016), row]
    if cut.closure == "half":
        edges = [np.array([(x, top - 0.2), (x, top + 0.55)]) for x in (-0.06, 0.06)]
        row = np.array([(0.0, top + 0.12), (0.0, top + 0.32), (0.0, top + 0.5)])
        return [*(Stroke(e) for e in edges), Stroke(row, "dot", cut.trim, 0.026)]
    if cut.closure == "zip":
        line = np.array([(0.0, top - 0.3), (0.0, cut.length)])
        teeth = Stroke(line, "stitch", (205, 205, 210), 0.035)
        puller = Stroke(
            np.array([(0.0, top + 0.02), (0.0, top + 0.14)]), "line", (120, 120, 126), 0.035
        )
        return [Stroke(line, "line", shaded(cut.cloth.ground, 0.5), 0.06), teeth, puller]
    if cut.closure == "double":
        edge = curve((0.0, top), (0.16, top + 0.1), (0.18, cut.length))
        rows = [_button_row(cut, x, 3) for x in (-0.16, 0.12)]
        return [Stroke(edge, width=0.018), *(Stroke(r, "dot", cut.trim, 0.045) for r in rows)]
    return []


def _sleeve(cut: Upper, figure: Figure, side: float) -> list[Piece]:
    """One sleeve from the armhole to its cuff."""
    line = resample(figure.arm(1.0 if side > 0 else -1.0) * (side, 1.0), 0.0, cut.sleeve, 14)
    reach = spread([0.0, 0.35, 1.0], 14)
    upper, lower = cut.sleeve_width, cut.cuff_width
    widths = [upper + (lower - upper) * r + cut.puff * np.sin(np.pi * r) for r in reach]
    smooth = curve(*(tuple(p) for p in line[::3]), tuple(line[-1]))
    centre = resample(smooth, 0.0, 1.0, 14)
    outer, inner = offset(centre, widths), offset(centre, [-w for w in widths])
    tip = (cut.shoulder, shoulder_y(cut.shoulder))
    outer_edge = curve(tip, *(tuple(p) for p in outer[3::3]), tuple(outer[-1]))
    under = [p for p in inner[4::3] if p[1] > 0.7]
    inner_edge = curve(*(tuple(p) for p in [*[inner[-1]], *under[::-1][1:]]), (cut.chest, 0.86))
    outline = flip(join(outer_edge, inner_edge, _armhole(cut)[::-1]), side)
    direction = centre[-1] - centre[0]
    turn = -side * float(np.arctan2(direction[0], direction[1]))
    elbow = Stroke(flip(curve(tuple(inner[7]), tuple(centre[8]), tuple(outer[6])), side), "fold")
    strokes = (elbow,) if cut.sleeve > 0.6 else ()
    grain = (side * 0.68, 0.27, turn)
    pieces = [Piece(outline, cut.cloth, strokes, grain, lift=0.03 if figure.worn else 0.0)]
    if not cut.cuffed:
        return pieces
    deep = 0.14 if cut.rib else 0.08
    end = centre[-1] - centre[-2]
    end = end / np.linalg.norm(end)
    width = widths[-1] * (0.82 if cut.rib else 1.02)
    band = np.stack([centre[-1] - end * (0.0 if cut.rib else deep), centre[-1] + end * deep * 0.9])
    cuff_cloth = cut.cloth.ribbed() if cut.rib else cut.cloth
    cuff = flip(ribbon(band, width), side)
    if cut.sleeve > 0.6 or cut.rib:
        pieces.append(Piece(cuff, cuff_cloth, grain=grain, shade=-0.02))
    return pieces


def _hem_band(cut: Upper, figure: Figure) -> list[Piece]:
    if not cut.rib:
        return []
    width = cut.hip + cut.flare
    halves = [(1.0,), (-1.0,)] if cut.open and not figure.back else [(0.0,)]
    pieces = []
    for (side,) in halves:
        start = 0.25 * side if side else -width * 0.97
        line = curve(
            (start, cut.length + (cut.hem_drop if side else 0)),
            (0.5 * (start + (side or 1.0) * width), cut.length + cut.hem_drop),
            ((side or 1.0) * width * 0.97, cut.length),
        )
        pieces.append(Piece(ribbon(line + (0, 0.02), 0.09), cut.cloth.ribbed(), shade=-0.02))
    return pieces


def _pockets(cut: Upper, figure: Figure) -> list[Piece]:
    if figure.back or cut.pocket == "none":
        return []
    if cut.pocket == "kangaroo":
        shape = symmetric(
            [(0.0, 1.55), (0.3, 1.55)], curve((0.3, 1.55), (0.36, 1.75), (0.47, 1.95)),
            [(0.47, cut.length - 0.06), (0.0, cut.length - 0.04)],
        )  # fmt: skip
        return [Piece(shape, cut.cloth, lift=0.03)]
    if cut.pocket == "chest":
        return [_patch(cut, 0.32, 0.78, 0.14, 0.3)]
    low = min(cut.length - 0.75, 1.75)
    across = max(0.36, 0.55 * cut.hip)
    if cut.pocket == "patch":
        return [_patch(cut, side * across, low, 0.19, 0.42) for side in (1, -1)]
    if cut.pocket == "flap":
        return [_patch(cut, side * across, low, 0.19, 0.11) for side in (1, -1)]
    slits = [
        np.array([(side * across, low), (side * (across + 0.1), low + 0.36)]) for side in (1, -1)
    ]
    return [Piece(ribbon(slit, 0.025), cut.cloth, shade=-0.12) for slit in slits]


def _patch(cut: Upper, x: float, y: float, half: float, deep: float) -> Piece:
    corners = [
        (x - half, y),
        (x + half, y),
        (x + half, y + 0.75 * deep),
        (x + half * 0.7, y + deep),
    ]
    outline = join(corners, [(x - half * 0.7, y + deep), (x - half, y + 0.75 * deep)])
    top = np.array([(x - half, y + 0.05), (x + half, y + 0.05)])
    thread = (214, 160, 92) if cut.cloth.material == "denim" else None
    return Piece(outline, cut.cloth, (Stroke(top, "stitch", thread, 0.01),), lift=0.025)


def _collar(cut: Upper, figure: Figure) -> list[Piece]:
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
    half = _neckline(cut, cut.neck_depth)
    line = join(mirror(half), half[1:])
    wide = 0.045 if cut.rib or cut.neck == "crew" else 0.02
    cloth = cut.cloth.ribbed() if cut.rib else cut.cloth.plain()
    return [Piece(ribbon(line + (0, wide * 0.6), wide), cloth, shade=-0.04)]


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
    half = _neckline(cut, _depth(cut, Figure(back=True)))
    line = join(mirror(half), half[1:])
    return [Piece(ribbon(line + (0, 0.02), 0.03), cut.cloth.plain(), shade=-0.04)]


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


def _hood(cut: Upper, figure: Figure) -> list[Piece]:
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


def _bow(cut: Upper) -> list[Piece]:
    """A pussy bow at the throat."""
    cloth, y = cut.cloth, cut.neck_depth + 0.02
    half = _neckline(cut, cut.neck_depth)
    pieces = [Piece(ribbon(join(mirror(half), half[1:]), 0.05), cloth, shade=-0.03)]
    for side in (1, -1):
        tail = curve((0.0, y), (side * 0.08, y + 0.35), (side * 0.16, y + 0.8))
        pieces.append(Piece(ribbon(tail, spread([0.04, 0.09], len(tail))), cloth, lift=0.03))
    for side in (1, -1):
        loop = curve((0.0, y), (0.2, y - 0.14), (0.38, y - 0.02), (0.32, y + 0.14), (0.0, y + 0.02))
        pieces.append(Piece(flip(loop, side), cloth, grain=(0, 0, side * 1.2), lift=0.04))
    return [*pieces, Piece(ellipse((0.0, y), 0.06, 0.07), cloth, lift=0.02)]
