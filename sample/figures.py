"""The person or mannequin who wears the clothes in `worn` photos, drawn from the same pieces."""

import numpy as np

from sample.geometry import Points, curve, ellipse, flip, join, move, ribbon, spread, symmetric
from sample.pieces import RGB, Cloth, Figure, Piece, Stroke, dyed, shaded

SKINS: tuple[RGB, ...] = (
    (243, 208, 184),
    (229, 183, 150),
    (205, 152, 114),
    (168, 113, 78),
    (122, 79, 56),
    (88, 58, 44),
)
HAIRS: tuple[RGB, ...] = (
    (44, 34, 32),
    (74, 50, 38),
    (116, 74, 46),
    (186, 140, 84),
    (150, 72, 44),
    (120, 116, 114),
)
HAIRSTYLES = ("bob", "long", "bun", "short", "curly", "crop")


def make_hair_behind(figure: Figure) -> list[Piece]:
    """Hair that falls behind the neck."""
    hair = dyed(figure.hair)
    if figure.mannequin or figure.hairstyle in ("short", "crop", "bun"):
        return []
    if figure.hairstyle == "curly":
        angle = np.linspace(0, 2 * np.pi, 80, endpoint=False)
        reach = 0.6 + 0.045 * np.cos(11 * angle)
        cloud = np.stack([reach * np.cos(angle), reach * np.sin(angle) - 0.86], 1)
        return [Piece(cloud, hair)]
    low = 0.55 if figure.hairstyle == "long" else -0.2
    half = curve((0.0, -1.42), (0.38, -1.24), (0.46, -0.8), (0.5, 0.5 * (low - 0.8)), (0.42, low))
    return [Piece(symmetric(half, [(0.0, low + 0.05)]), hair)]


def make_body(figure: Figure) -> list[Piece]:
    """Limbs and torso, without the head."""
    skin = dyed(figure.skin)
    torso = symmetric(
        curve((0.0, -0.45), (0.16, -0.4), (0.165, -0.08), (0.4, 0.06), (0.68, 0.2)),
        curve((0.6, 0.75), (0.53, 1.0), (0.42, 1.6), (0.58, 2.3), (0.56, 2.6)),
        [(0.0, 2.72)],
    )
    pieces = []
    for side in (-1.0, 1.0):
        pieces += _leg(figure, side, skin)
    pieces += [_arm(figure, side, skin) for side in (-1.0, 1.0)]
    underwear = dyed(shaded(figure.skin, 0.8), "jersey")
    brief = symmetric([(0.0, 2.15), (0.575, 2.15)], curve((0.59, 2.35), (0.3, 2.65), (0.0, 2.78)))
    bust = curve((-0.3, 0.95), (0.0, 1.0), (0.3, 0.95))
    shape = Piece(torso, skin, (Stroke(bust, "fold", width=0.03),))
    return [*pieces, shape, Piece(brief, underwear)]


def _leg(figure: Figure, side: float, skin: Cloth) -> list[Piece]:
    hip, knee, ankle = figure.leg(side)
    line = curve(tuple(hip), tuple(knee), tuple(ankle))
    widths = spread([0.3, 0.25, 0.2, 0.165, 0.19, 0.15, 0.095], len(line))
    x, y = float(ankle[0]), float(ankle[1])
    foot = np.array(
        [(-0.09, -0.1), (0.09, -0.1), (0.16, 0.2), (0.2, 0.3), (0.0, 0.34), (-0.09, 0.2)]
    )
    return [Piece(ribbon(line, widths), skin), Piece(move(flip(foot, side), x, y), skin)]


def _arm(figure: Figure, side: float, skin: Cloth) -> Piece:
    shoulder, elbow, wrist = figure.arm(side)
    down = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    inward = np.array([down[1], -down[0]]) * (-0.02 * side)
    knuckles, tip = wrist + down * 0.2 + inward, wrist + down * 0.42 + 2 * inward
    start = shoulder - (0.0, 0.03)
    line = curve(*(tuple(p) for p in (start, elbow, wrist, knuckles, tip)))
    widths = spread([0.12, 0.15, 0.13, 0.115, 0.12, 0.1, 0.072, 0.1, 0.1, 0.035], len(line))
    return Piece(ribbon(line, widths), skin)


def make_head(figure: Figure) -> list[Piece]:
    """The head with its hair, over the collar's back and under hats."""
    skin = dyed(figure.skin)
    half = curve(
        (0.0, -1.36), (0.26, -1.28), (0.355, -0.98), (0.33, -0.68), (0.2, -0.42), (0.0, -0.33)
    )
    head = Piece(symmetric(half), skin, lift=0.07)
    ears = [Piece(ellipse((side * 0.36, -0.84), 0.06, 0.1), skin) for side in (-1, 1)]
    pieces = [*ears, head]
    if figure.mannequin:
        return pieces
    if figure.back:
        return [*pieces, Piece(_hair_back(figure), dyed(figure.hair))]
    return [*pieces, *_face(figure), *_hair_front(figure)]


def _face(figure: Figure) -> list[Piece]:
    """Brows, closed eyes, nose and lips: hints only."""
    dark = dyed(shaded(figure.hair, 0.8))
    lips = dyed(shaded((196, 92, 84), 0.65 + 0.35 * figure.skin[0] / 255))
    pieces = []
    for side in (-1, 1):
        brow = flip(curve((0.09, -0.95), (0.16, -0.985), (0.24, -0.955)), side)
        lid = flip(curve((0.1, -0.83), (0.165, -0.80), (0.23, -0.835)), side)
        pieces += [
            Piece(ribbon(brow, 0.014), dark, ink=False),
            Piece(ribbon(lid, 0.011), dark, ink=False),
        ]
    nose = curve((0.0, -0.78), (0.035, -0.67), (-0.01, -0.655))
    mouth = curve((-0.08, -0.545), (0.0, -0.525), (0.08, -0.545))
    pieces.append(Piece(ribbon(nose, 0.009), dyed(shaded(figure.skin, 0.72)), ink=False))
    return [
        *pieces,
        Piece(ribbon(mouth, [*spread([0.004, 0.024, 0.004], len(mouth))]), lips, ink=False),
    ]


def _hair_back(figure: Figure) -> Points:
    low = {"long": 0.6, "bob": -0.2}.get(figure.hairstyle, -0.5)
    half = curve((0.0, -1.42), (0.34, -1.28), (0.42, -0.9), (0.4, 0.5 * (low - 0.9)), (0.3, low))
    return symmetric(half, [(0.0, low + 0.04)])


def _hair_front(figure: Figure) -> list[Piece]:
    hair = dyed(figure.hair)
    style = figure.hairstyle
    pieces = []
    if style == "bun":
        pieces.append(Piece(ellipse((0.03, -1.5), 0.2, 0.18), hair))
    if style == "crop":
        cap = join(curve((-0.37, -0.98), (-0.3, -1.32), (0.0, -1.42), (0.3, -1.32), (0.37, -0.98)),
                   curve((0.3, -1.12), (0.0, -1.2), (-0.3, -1.12)))  # fmt: skip
        return [*pieces, Piece(cap, hair)]
    parting = -0.12
    fringe = join(
        curve(
            (-0.39, -0.74), (-0.4, -1.12), (-0.22, -1.4), (0.08, -1.44), (0.33, -1.3), (0.41, -1.0)
        ),
        curve((0.39, -0.74), (0.34, -1.0), (0.12, -1.14), (parting, -1.28)),
        curve((parting, -1.28), (-0.26, -1.08), (-0.33, -0.92), (-0.39, -0.74)),
    )
    shine = Stroke(
        curve((-0.24, -1.2), (-0.05, -1.33), (0.2, -1.26)), "line", shaded(figure.hair, 1.14), 0.03
    )
    return [*pieces, Piece(fringe, hair, (shine,))]
