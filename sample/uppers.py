"""Pattern maker for what is worn on the torso: from T-shirts to coats and dresses."""

import numpy as np

from sample.blocks import (
    Upper,
    across_body,
    armhole,
    hem_edge,
    neck_depth,
    neckline,
    shoulder_y,
    side_seam,
)
from sample.collars import make_collar, make_hood
from sample.geometry import (
    Points,
    curve,
    flip,
    join,
    move,
    offset,
    resample,
    ribbon,
    spread,
    symmetric,
)
from sample.pieces import Figure, Piece, Stroke, shaded


def make_upper(cut: Upper, figure: Figure) -> list[Piece]:
    """The pieces of one garment as worn by a figure or laid flat in its pose."""
    pieces = _behind(cut, figure)
    for side in (1.0, -1.0):
        if cut.sleeve:
            pieces += _sleeve(cut, figure, side)
    pieces += _panels(cut) if cut.open and not figure.back else [_body(cut, figure)]
    pieces += _hem_band(cut, figure)
    pieces += _pockets(cut, figure)
    return pieces + make_collar(cut, figure)


def _half(cut: Upper, figure: Figure) -> list[Points]:
    return [neckline(cut, neck_depth(cut, figure)), armhole(cut), side_seam(cut), hem_edge(cut)]


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
        pieces += make_hood(cut, figure)
    if cut.neck in ("shirt", "polo", "lapel", "shawl"):
        stand = symmetric(
            curve((0.0, -0.22), (0.7 * width, -0.21), (width, -0.16)), [(width, 0.04), (0.0, 0.1)]
        )
        pieces.append(Piece(stand, cut.cloth, behind=True, shade=-0.12))
    if cut.open:
        half = [nape, armhole(cut), side_seam(cut), hem_edge(cut)]
        return [*pieces, Piece(symmetric(*half), cut.lining, behind=True, shade=-0.25)]
    if cut.neck == "turtle":
        return pieces
    inside = symmetric(nape, neckline(cut, cut.neck_depth + 0.05)[::-1])
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
        strokes.append(Stroke(across_body(cut, cut.length - 0.1), "stitch", thread))
        for side in (1, -1):
            yoke = np.array([(side * 0.02, 0.62), (side * cut.chest, 0.58)])
            strokes += [Stroke(yoke), Stroke(move(yoke, 0, 0.035), "stitch", thread)]
            panel = flip(curve((0.34, 0.62), (0.3, 1.3), (0.2, cut.length)), side)
            strokes += [Stroke(panel), Stroke(move(panel, 0.035, 0), "stitch", thread)]
    elif not cut.rib and cut.cloth.material not in ("quilt", "diamond"):
        strokes.append(Stroke(across_body(cut, cut.length - 0.09), "seam", width=0.01))
    if cut.seam_at_waist:
        strokes.append(Stroke(across_body(cut, 1.5)))
        for x in np.linspace(-0.8, 0.8, 7):
            fold = curve(
                (x * cut.waist, 1.54), (x * (cut.waist + 0.1), 1.9), (x * width * 0.9, 2.6)
            )
            strokes.append(Stroke(fold, "fold", width=0.035))
    for tier in range(1, cut.tiers + 1):
        y = 1.5 + (cut.length - 1.5) * tier / (cut.tiers + 1)
        strokes.append(Stroke(across_body(cut, y), "seam", width=0.02))
        strokes.append(Stroke(across_body(cut, y + 0.04), "fold", width=0.05))
    for x in np.linspace(-0.85, 0.85, cut.pleats):
        pleat = np.array([(x * cut.waist, 1.55), (x * width, cut.length)])
        strokes.append(Stroke(pleat, "fold", width=0.03))
    if not figure.back and cut.length > 1.6:
        for side, drop in ((1, 0.0), (-1, 0.12)):
            pull = curve((cut.chest, 1.0 + drop), (0.42, 1.12 + drop), (0.3, 1.24 + drop))
            crease = curve((cut.waist, 1.62 + drop), (0.45, 1.52 + drop), (0.36, 1.5 + drop))
            strokes += [Stroke(flip(line, side), "fold", width=0.022) for line in (pull, crease)]
    return strokes


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
            armhole(cut),
            side_seam(cut),
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
        studs = np.array([(0.0, top + 0.12), (0.0, top + 0.32), (0.0, top + 0.5)])
        return [*(Stroke(e) for e in edges), Stroke(studs, "dot", cut.trim, 0.026)]
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
    outline = flip(join(outer_edge, inner_edge, armhole(cut)[::-1]), side)
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
        pieces.append(Piece(ribbon(move(line, 0, 0.02), 0.09), cut.cloth.ribbed(), shade=-0.02))
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
