"""Pattern maker for hats, scarves and eyewear; called by `sample.accessories`."""

import numpy as np

from sample.geometry import curve, ellipse, flip, join, move, ribbon, spread, symmetric
from sample.pieces import Accessory, Figure, Piece, Stroke, dyed, shaded


def make_hat(cut: Accessory, figure: Figure) -> list[Piece]:
    """A hat around a head whose brow is at y = -1.08."""
    return _HATS[cut.style](cut, figure.back)


def _cap(cut: Accessory, back: bool) -> list[Piece]:
    crown = symmetric(
        curve((0.0, -1.56), (0.26, -1.5), (0.41, -1.28), (0.42, -1.02)), [(0.0, -1.04)]
    )
    seams = tuple(
        Stroke(curve((0.0, -1.56), (x * 0.8, -1.36), (x, -1.02)), width=0.01) for x in (-0.22, 0.22)
    )
    button = Piece(ellipse((0.0, -1.56), 0.05, 0.03), cut.cloth)
    if back:
        gap = symmetric(curve((0.0, -1.2), (0.12, -1.17), (0.15, -1.02)), [(0.0, -1.02)])
        return [
            button,
            Piece(crown, cut.cloth, seams),
            Piece(gap, dyed(shaded(cut.cloth.ground, 0.4))),
        ]
    brim = symmetric(
        curve((0.0, -1.1), (0.3, -1.08), (0.42, -1.0), (0.5, -0.9), (0.3, -0.95), (0.0, -0.97))
    )
    logo = Piece(ellipse((0.0, -1.28), 0.09, 0.07), dyed(cut.accent))
    line = Stroke(curve((-0.46, -0.95), (0.0, -1.03), (0.46, -0.95)), "stitch", None, 0.008)
    return [
        button,
        Piece(crown, cut.cloth, seams),
        logo,
        Piece(brim, cut.cloth, (line,), lift=0.04, shade=-0.05),
    ]


def _beanie(cut: Accessory, back: bool) -> list[Piece]:
    dome = symmetric(
        curve((0.0, -1.68), (0.26, -1.6), (0.41, -1.32), (0.42, -1.05)), [(0.0, -1.03)]
    )
    fold = symmetric(
        curve((0.0, -1.2), (0.4, -1.2)), curve((0.45, -1.12), (0.43, -0.96), (0.0, -0.93))
    )
    pieces = [Piece(dome, cut.cloth)]
    if cut.size > 1:
        angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        reach = 0.17 + 0.015 * np.cos(13 * angle)
        pom = np.stack([reach * np.cos(angle), reach * np.sin(angle) - 1.74], 1)
        pieces.append(Piece(pom, dyed(cut.accent, "fleece")))
    pieces.append(Piece(fold, cut.cloth.ribbed(), lift=0.03))
    if not back:
        tag = np.array([(0.1, -1.12), (0.24, -1.12), (0.24, -1.0), (0.1, -1.0)])
        pieces.append(Piece(tag, dyed(cut.accent, "leather")))
    return pieces


def _bucket(cut: Accessory, back: bool) -> list[Piece]:
    crown = symmetric(
        curve((0.0, -1.6), (0.28, -1.58), (0.34, -1.5)),
        curve((0.38, -1.3), (0.42, -1.05), (0.0, -1.02)),
    )
    brim = symmetric(
        curve((0.0, -1.16), (0.38, -1.14)),
        curve((0.42, -1.1), (0.58, -0.88), (0.3, -0.82), (0.0, -0.8)),
    )
    lines = tuple(
        Stroke(curve((-0.6, -0.9 - k), (0.0, -0.84 - k), (0.6, -0.9 - k)), "stitch", None, 0.008)
        for k in (0.0, 0.08, 0.16)
    )
    return [Piece(crown, cut.cloth), Piece(brim, cut.cloth, lines, lift=0.03)]


def _fedora(cut: Accessory, back: bool) -> list[Piece]:
    brim = ellipse((0.0, -1.06), 0.72, 0.15)
    crown = symmetric(
        curve((0.0, -1.54), (0.2, -1.62), (0.34, -1.5), (0.4, -1.08)),
        curve((0.2, -1.0), (0.0, -0.98)),
    )
    dent = Stroke(curve((-0.2, -1.6), (0.0, -1.46), (0.2, -1.6)), "fold", width=0.04)
    band = symmetric(
        curve((0.0, -1.16), (0.38, -1.21)), curve((0.4, -1.08), (0.2, -1.0), (0.0, -0.98))
    )
    return [
        Piece(brim, cut.cloth),
        Piece(crown, cut.cloth, (dent,), lift=0.03),
        Piece(band, dyed(cut.accent, "satin")),
    ]


_HATS = {"cap": _cap, "beanie": _beanie, "bucket": _bucket, "fedora": _fedora}


def make_scarf(cut: Accessory, figure: Figure) -> list[Piece]:
    """A scarf looped once, its two ends hanging."""
    cloth, long = cut.cloth, 2.0 * cut.size
    pieces = [Piece(ellipse((0.0, -0.17), 0.435, 0.2), cloth, behind=True, shade=-0.25)]
    for x, end in ((0.24, long), (-0.1, long - 0.35)):
        fall = curve((0.5 * x, 0.15), (x, 0.7), (x * 1.1 + 0.03, end))
        widths = spread([0.14, 0.21, 0.23], len(fall))
        left, right = fall[-1] - (0.2, 0.0), fall[-1] + (0.2, 0.0)
        fringe = [
            np.stack([left + (right - left) * t, left + (right - left) * t + (0.0, 0.17)])
            for t in np.linspace(0, 1, 9)
        ]
        pieces += [Piece(ribbon(f, 0.016), cloth.plain(), ink=False) for f in fringe]
        crease = Stroke(move(fall, 0.06, 0.0), "fold", width=0.035)
        pieces.append(Piece(ribbon(fall, widths), cloth, (crease,), lift=0.05))
    loop = join(
        curve(
            (-0.425, -0.2),
            (-0.46, -0.02),
            (-0.3, 0.24),
            (0.0, 0.34),
            (0.32, 0.22),
            (0.46, -0.02),
            (0.425, -0.2),
        ),
        curve((0.4, -0.2), (0.24, -0.04), (0.0, 0.0), (-0.24, -0.04), (-0.4, -0.2)),
    )
    folds = tuple(
        Stroke(curve((-0.4, -0.1 + k), (0.0, 0.13 + k), (0.4, -0.1 + k)), "fold", width=0.03)
        for k in (0.0, 0.1)
    )
    return [*pieces, Piece(loop, cloth, folds, (0.0, 0.0, 1.57), lift=0.05)]


def make_eyewear(cut: Accessory, figure: Figure) -> list[Piece]:
    """Glasses before eyes at y = -0.83."""
    if figure.back and figure.worn:
        return []
    frame, lens = cut.cloth, dyed(cut.accent, "satin")
    pieces = []
    for side in (-1, 1):
        if not figure.worn:
            temple = flip(curve((0.35, -0.89), (0.355, -1.0), (0.3, -1.05), (0.12, -1.06)), side)
            pieces.append(Piece(ribbon(temple, 0.014), frame, shade=-0.2))
        rim = _RIMS[cut.style]
        gleam = Stroke(
            np.array([(side * 0.18 - 0.06, -0.76), (side * 0.18 + 0.03, -0.9)]),
            "line",
            shaded(cut.accent, 1.35),
            0.022,
        )
        shape = flip(rim, side)
        inside = (shape - (side * 0.18, -0.83)) * 0.82 + (side * 0.18, -0.83)
        pieces += [Piece(shape, frame), Piece(inside, lens, (gleam,), ink=False)]
        hinge = flip(np.array([(0.31, -0.9), (0.38, -0.9), (0.37, -0.86), (0.32, -0.85)]), side)
        pieces.append(Piece(hinge, frame))
    bridge = curve((-0.06, -0.86), (0.0, -0.89), (0.06, -0.86))
    return [*pieces, Piece(ribbon(bridge, 0.018), frame)]


_RIMS = {
    "round": ellipse((0.18, -0.83), 0.145, 0.14),
    "square": curve(
        (0.05, -0.92),
        (0.18, -0.94),
        (0.32, -0.92),
        (0.325, -0.83),
        (0.29, -0.72),
        (0.18, -0.7),
        (0.07, -0.73),
        (0.045, -0.83),
        (0.05, -0.92),
    ),
    "cat eye": curve(
        (0.05, -0.89),
        (0.2, -0.93),
        (0.37, -0.99),
        (0.35, -0.82),
        (0.25, -0.71),
        (0.12, -0.71),
        (0.045, -0.8),
        (0.05, -0.89),
    ),
    "aviator": curve(
        (0.04, -0.91),
        (0.18, -0.94),
        (0.33, -0.91),
        (0.335, -0.8),
        (0.26, -0.67),
        (0.15, -0.67),
        (0.06, -0.77),
        (0.04, -0.91),
    ),
}
