"""Pattern maker for what is worn on the legs: trousers of all kinds and skirts."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sample.geometry import Points, curve, flip, join, mirror, move, offset, ribbon, symmetric
from sample.pieces import RGB, Cloth, Figure, Piece, Stroke

Waist = Literal["band", "elastic", "drawstring", "jeans", "plain"]

_THREAD = (214, 160, 92)


@dataclass(frozen=True)
class Trousers:
    """A cut. Widths are halves, in heads; `length` is 0-1 from the crotch to the ankle."""

    cloth: Cloth
    rise: float = 1.62
    waist: float = 0.47
    hip: float = 0.64
    thigh: float = 0.31
    knee: float = 0.26
    ankle: float = 0.24
    length: float = 1.0
    finish: Waist = "band"
    cuff: Literal["none", "rib", "turnup"] = "none"
    crease: bool = False
    pocket: Literal["slant", "jeans", "cargo", "none"] = "slant"
    trim: RGB = (230, 225, 215)
    belt: RGB | None = None
    side_stripe: RGB | None = None


@dataclass(frozen=True)
class Skirt:
    """A cut. Widths are halves, in heads; `length` is the hem's y."""

    cloth: Cloth
    rise: float = 1.55
    waist: float = 0.45
    hip: float = 0.64
    hem: float = 0.8
    length: float = 4.2
    pleats: int = 0
    tiers: int = 0
    wrap: bool = False
    buttons: bool = False
    jeans: bool = False
    trim: RGB = (230, 225, 215)


def make_trousers(cut: Trousers, figure: Figure) -> list[Piece]:
    """The pieces of a pair of trousers, shorts, jeans or leggings."""
    legs = [_leg(cut, figure, side) for side in (-1.0, 1.0)]
    crotch = 2.74
    outline = join(legs[1][0], [(0.0, crotch)], legs[0][1])
    strokes = _front_seams(cut, figure, crotch)
    for _, _, middle, seam in legs:
        if cut.crease:
            strokes.append(Stroke(middle, "fold", width=0.022))
        if cut.side_stripe:
            strokes.append(Stroke(seam, "line", cut.side_stripe, 0.09))
    pieces = [Piece(outline, cut.cloth, tuple(strokes))]
    pieces += [piece for side in (-1.0, 1.0) for piece in _cuff(cut, figure, side)]
    if cut.pocket == "cargo":
        pieces += [_cargo(cut, figure, side) for side in (-1.0, 1.0)]
    if figure.back and cut.pocket in ("jeans", "slant"):
        pieces += [_back_pocket(cut, side) for side in (-1.0, 1.0)]
    return pieces + _waistband(cut, figure)


def _centre(cut: Trousers, figure: Figure, side: float) -> Points:
    """The leg's middle from the hip to the hem."""
    hip, knee, ankle = figure.leg(side) * (side, 1.0)
    end_y = 2.75 + cut.length * (ankle[1] - 2.75)
    at_knee = (float(knee[0]), float(knee[1]))
    if end_y <= knee[1]:
        share = (end_y - hip[1]) / (knee[1] - hip[1])
        end = hip + share * (knee - hip)
        return np.stack([hip, 0.5 * (hip + end), end])
    share = (end_y - knee[1]) / (ankle[1] - knee[1])
    end = knee + share * (ankle - knee)
    return np.array([tuple(hip), at_knee, tuple(end)])


def _leg(cut: Trousers, figure: Figure, side: float) -> tuple[Points, Points, Points, Points]:
    """The right leg's edge from waist to crotch, its mirror walked back, its middle, its seam."""
    hip, knee, end = _centre(cut, figure, side)
    outer = curve(
        (cut.waist, cut.rise),
        (cut.hip, 2.35),
        (max(hip[0] + cut.thigh, cut.hip - 0.01), 2.85),
        (knee[0] + cut.knee, knee[1]),
        (end[0] + cut.ankle, end[1]),
    ) if cut.length > 0.3 else curve(
        (cut.waist, cut.rise), (cut.hip, 2.35), (end[0] + cut.ankle, end[1])
    )  # fmt: skip
    inner = (
        curve(
            (end[0] - cut.ankle, end[1] + 0.01),
            (max(knee[0] - cut.knee, 0.015), knee[1]),
            (max(hip[0] - cut.thigh, 0.012), 2.95),
            (0.0, 2.74),
        )
        if cut.length > 0.3
        else curve((max(end[0] - cut.ankle, 0.02), end[1] + 0.03), (0.0, 2.74))
    )
    edge = join(outer, inner)
    middle = curve((0.3, 2.1), (float(knee[0]), float(knee[1])), (float(end[0]), float(end[1])))
    return edge, mirror(edge), flip(middle, side), flip(offset(outer, 0.06), side)


def _front_seams(cut: Trousers, figure: Figure, crotch: float) -> list[Stroke]:
    jeans = cut.finish == "jeans"
    seam = np.array([(0.0, cut.rise), (0.0, crotch)])
    strokes = [Stroke(seam)]
    for side in (1, -1):
        pull = flip(curve((0.03, crotch - 0.06), (0.2, crotch - 0.1), (0.36, crotch - 0.22)), side)
        strokes.append(Stroke(pull, "fold", width=0.025))
    if cut.finish in ("jeans", "band") and not figure.back:
        fly = curve((0.11, cut.rise), (0.11, 2.3), (0.0, 2.5))
        strokes.append(Stroke(fly, "stitch" if jeans else "seam", _THREAD if jeans else None))
    if figure.back:
        if jeans:
            yoke = curve((-0.6, 1.95), (0.0, 2.1), (0.6, 1.95))
            strokes += [Stroke(yoke), Stroke(move(yoke, 0, 0.03), "stitch", _THREAD)]
        return strokes
    for side in (1, -1):
        if cut.pocket == "jeans":
            mouth = flip(curve((0.24, cut.rise), (0.3, 2.0), (0.66, 2.1)), side)
            strokes += [Stroke(mouth), Stroke(move(mouth, 0, 0.03), "stitch", _THREAD)]
        elif cut.pocket in ("slant", "cargo"):
            strokes.append(Stroke(flip(curve((0.36, cut.rise), (0.62, 2.3)), side), width=0.02))
    return strokes


def _waistband(cut: Trousers, figure: Figure) -> list[Piece]:
    if cut.finish == "plain":
        line = curve((-cut.waist, cut.rise), (0.0, cut.rise + 0.03), (cut.waist, cut.rise))
        return [Piece(ribbon(move(line, 0, 0.06), 0.09), cut.cloth.plain(), shade=-0.03)]
    high = 0.085
    line = curve((-cut.waist, cut.rise), (0.0, cut.rise + 0.04), (cut.waist, cut.rise))
    cloth = cut.cloth.ribbed() if cut.finish in ("elastic", "drawstring") else cut.cloth
    strokes: tuple[Stroke, ...] = ()
    if cut.finish == "jeans":
        strokes = (Stroke(move(line, 0, 0.065), "stitch", _THREAD),)
        if not figure.back:
            strokes += (Stroke(np.array([(0.0, cut.rise + 0.04)]), "dot", (176, 128, 80), 0.045),)
    elif cut.finish == "band" and not figure.back:
        strokes = (Stroke(np.array([(0.04, cut.rise + 0.04)]), "dot", cut.trim, 0.035),)
    pieces = [Piece(ribbon(line, high), cloth, strokes)]
    if cut.belt:
        belt = Cloth("leather", (cut.belt,))
        pieces.append(Piece(ribbon(line, 0.06), belt))
        if not figure.back:
            buckle = np.array([(-0.07, -0.08), (0.07, -0.08), (0.07, 0.08), (-0.07, 0.08)])
            gold = Cloth("plain", ((206, 170, 98),))
            pieces.append(Piece(move(buckle, 0.0, cut.rise + 0.04), gold, lift=0.02))
    elif cut.finish == "band":
        for x in (-0.3, 0.3):
            loop = np.array([(x, cut.rise - 0.08), (x, cut.rise + 0.13)])
            pieces.append(Piece(ribbon(loop, 0.02), cut.cloth))
    if cut.finish == "drawstring" and not figure.back:
        for side in (-1, 1):
            cord = curve((side * 0.05, cut.rise), (side * 0.09, 1.95), (side * 0.07, 2.3))
            pieces.append(Piece(ribbon(cord, 0.018), Cloth("plain", (cut.trim,)), lift=0.02))
    return pieces


def _cuff(cut: Trousers, figure: Figure, side: float) -> list[Piece]:
    if cut.cuff == "none":
        return []
    _, knee, end = _centre(cut, figure, side)
    along = (end - knee) / np.linalg.norm(end - knee)
    rib = cut.cuff == "rib"
    line = np.stack([end - along * 0.04, end + along * 0.2]) if rib else np.stack(
        [end - along * 0.16, end + along * 0.02]
    )  # fmt: skip
    width = cut.ankle * (0.84 if rib else 1.08)
    cloth = cut.cloth.ribbed() if rib else cut.cloth
    return [Piece(flip(ribbon(line, width), side), cloth, shade=0.0 if rib else 0.06)]


def _cargo(cut: Trousers, figure: Figure, side: float) -> Piece:
    """A pocket with a flap on the thigh's outside."""
    knee = figure.leg(side)[1] * (side, 1.0)
    x = float(knee[0]) + 0.12
    outline = np.array([(x - 0.15, 3.5), (x + 0.17, 3.5), (x + 0.15, 4.0), (x - 0.14, 4.0)])
    flap = np.array([(x - 0.2, 3.64), (x + 0.2, 3.64)])
    return Piece(flip(outline, side), cut.cloth, (Stroke(flip(flap, side)),), lift=0.03)


def _back_pocket(cut: Trousers, side: float) -> Piece:
    corners = [(0.17, 2.12), (0.49, 2.12), (0.47, 2.45), (0.33, 2.54), (0.19, 2.45)]
    outline = flip(np.array(corners), side)
    arc = flip(curve((0.2, 2.3), (0.33, 2.36), (0.46, 2.3)), side)
    thread = _THREAD if cut.finish == "jeans" else None
    return Piece(outline, cut.cloth, (Stroke(arc, "stitch", thread),), lift=0.015)


def make_skirt(cut: Skirt, figure: Figure) -> list[Piece]:
    """The pieces of a skirt."""
    bow = 0.03 + 0.06 * (cut.hem - 0.6)
    outline = symmetric(
        [(0.0, cut.rise + 0.04)],
        _skirt_side(cut),
        curve(
            (cut.hem, cut.length), (0.55 * cut.hem, cut.length + bow), (0.0, cut.length + 1.3 * bow)
        ),
    )
    pieces = [Piece(outline, cut.cloth, tuple(_skirt_seams(cut, figure)))]
    line = curve((-cut.waist, cut.rise), (0.0, cut.rise + 0.04), (cut.waist, cut.rise))
    thread: tuple[Stroke, ...] = ()
    if cut.jeans:
        thread = (Stroke(move(line, 0, 0.06), "stitch", _THREAD),)
    if cut.buttons and not figure.back:
        thread += (Stroke(np.array([(0.0, cut.rise + 0.04)]), "dot", cut.trim, 0.04),)
    return [*pieces, Piece(ribbon(line, 0.08), cut.cloth.plain(), thread, shade=-0.02)]


def _skirt_side(cut: Skirt) -> Points:
    hip_y = min(2.35, 0.5 * (cut.rise + cut.length))
    share = (hip_y - cut.rise) / (cut.length - cut.rise)
    hip = max(cut.hip, cut.waist + share * (cut.hem - cut.waist))
    middle = (0.45 * hip + 0.55 * cut.hem, 0.5 * (hip_y + cut.length))
    return curve((cut.waist, cut.rise), (hip, hip_y), middle, (cut.hem, cut.length))


def _skirt_seams(cut: Skirt, figure: Figure) -> list[Stroke]:
    strokes = []
    hem_line = curve(
        (-cut.hem, cut.length - 0.08), (0, cut.length - 0.02), (cut.hem, cut.length - 0.08)
    )
    strokes.append(
        Stroke(hem_line, "stitch" if cut.jeans else "seam", _THREAD if cut.jeans else None, 0.01)
    )
    for x in np.linspace(-0.92, 0.92, cut.pleats):
        pleat = np.array([(x * cut.waist, cut.rise), (x * cut.hem, cut.length + 0.1)])
        strokes.append(Stroke(pleat, "fold", width=0.035))
        strokes.append(Stroke(pleat, "seam", width=0.01))
    for tier in range(1, cut.tiers + 1):
        y = cut.rise + (cut.length - cut.rise) * tier / (cut.tiers + 1)
        seam = curve((-cut.hem - 0.1, y), (0.0, y + 0.06), (cut.hem + 0.1, y))
        strokes += [Stroke(seam, width=0.02), Stroke(move(seam, 0, 0.05), "fold", width=0.05)]
    if not cut.pleats and not cut.jeans:
        for x in (-0.62, -0.2, 0.28, 0.66):
            top = cut.rise + 0.45 * (cut.length - cut.rise)
            fall = np.array([(x * cut.hip, top), (x * cut.hem * 1.02, cut.length + 0.1)])
            strokes.append(Stroke(fall, "fold", width=0.05 * cut.hem))
    if figure.back:
        strokes.append(Stroke(np.array([(0.0, cut.rise), (0.0, cut.length)]), width=0.01))
        return strokes
    if cut.wrap:
        strokes.append(
            Stroke(curve((-0.3, cut.rise), (0.1, 2.6), (0.35, cut.length + 0.1)), width=0.025)
        )
        strokes.append(
            Stroke(
                curve((-0.26, cut.rise), (0.14, 2.6), (0.39, cut.length + 0.1)), "fold", width=0.05
            )
        )
    if cut.buttons:
        count = max(4, round((cut.length - cut.rise) / 0.32))
        row = np.stack([np.zeros(count), np.linspace(cut.rise + 0.25, cut.length - 0.2, count)], 1)
        strokes += [
            Stroke(np.array([(x, cut.rise), (x, cut.length + 0.1)]), width=0.012)
            for x in (-0.08, 0.08)
        ]
        strokes.append(Stroke(row, "dot", cut.trim, 0.035))
    if cut.jeans:
        for side in (1, -1):
            mouth = flip(curve((0.22, cut.rise), (0.3, 1.95), (0.68, 2.05)), side)
            strokes += [Stroke(mouth), Stroke(move(mouth, 0, 0.03), "stitch", _THREAD)]
    return strokes
