"""Pattern maker for shoes of several kinds; called by `sample.accessories`."""

import numpy as np

from sample.geometry import curve, ellipse, join, ribbon
from sample.pieces import Accessory, Cloth, Figure, Piece, Stroke, dyed, shaded


def make_shoes(cut: Accessory, figure: Figure) -> list[Piece]:
    """A pair; each shoe in profile, the toe to the right, the sole at y = 0, 2 heads long."""
    one = _SHOES[cut.style](cut)
    if not figure.worn:
        far = [p.moved(0.94, (0.42, -0.34)) for p in one]
        return [*far, *one]
    pieces = []
    for side in (-1.0, 1.0):
        x, y = figure.leg(side)[2]
        pieces += [p.moved((side * 0.3, 0.34), (x - side * 0.14, y + 0.36)) for p in one]
    return pieces


def _sneaker(cut: Accessory) -> list[Piece]:
    upper = join(
        curve((-0.02, -0.2), (-0.03, -0.6), (0.06, -0.95)),
        curve((0.06, -0.95), (0.3, -0.86), (0.62, -1.0)),
        curve((0.62, -1.0), (0.98, -0.66), (1.5, -0.5), (1.86, -0.38), (1.97, -0.16)),
    )
    sole = join(
        curve((-0.06, -0.24), (0.9, -0.17), (1.98, -0.22)),
        curve((2.04, -0.1), (1.9, 0.0), (0.9, 0.0), (0.05, 0.0), (-0.08, -0.1)),
    )
    toe = join(curve((1.42, -0.2), (1.46, -0.4), (1.6, -0.48)), curve((1.86, -0.38), (1.97, -0.16)))
    heel = join(
        [(-0.02, -0.2)], curve((-0.03, -0.6), (0.02, -0.8)), curve((0.24, -0.6), (0.3, -0.2))
    )
    tongue = join(curve((0.5, -0.94), (0.62, -1.16), (0.76, -1.12)), [(1.0, -0.7), (0.7, -0.7)])
    stripe = join(
        curve((0.6, -0.24), (0.85, -0.5), (1.0, -0.6)),
        curve((1.12, -0.55), (0.95, -0.42), (0.78, -0.22)),
    )
    second = dyed(cut.accent, "leather")
    pieces = [Piece(tongue, cut.cloth, shade=-0.12), Piece(upper, cut.cloth)]
    pieces += [Piece(stripe, second), Piece(toe, second), Piece(heel, second)]
    laces = [
        np.array([(0.7 + 0.17 * k, -0.9 + 0.12 * k), (0.88 + 0.17 * k, -0.68 + 0.09 * k)])
        for k in range(4)
    ]
    pieces += [Piece(ribbon(lace, 0.024), dyed((246, 244, 238))) for lace in laces]
    line = Stroke(
        curve((-0.06, -0.11), (0.9, -0.07), (2.0, -0.1)), "line", shaded(cut.accent, 0.75), 0.025
    )
    return [*pieces, Piece(sole, dyed((246, 244, 238), "leather"), (line,))]


def _boot(cut: Accessory) -> list[Piece]:
    tall = 1.55
    upper = join(
        curve((-0.02, -0.1), (-0.02, -0.8), (-0.08, -tall)),
        curve((-0.08, -tall), (0.3, -tall - 0.04), (0.72, -tall)),
        curve(
            (0.72, -tall), (0.7, -0.95), (0.98, -0.62), (1.5, -0.48), (1.86, -0.32), (1.93, -0.1)
        ),
    )
    sole = np.array(
        [
            (-0.05, -0.13),
            (1.96, -0.13),
            (1.96, -0.02),
            (0.75, -0.02),
            (0.66, -0.08),
            (0.58, 0.04),
            (-0.05, 0.04),
        ]
    )
    gusset = join(
        curve((0.2, -1.5), (0.22, -1.0), (0.3, -0.72)),
        curve((0.42, -0.72), (0.54, -1.0), (0.52, -1.5)),
    )
    elastic = Cloth("rib", (shaded(cut.cloth.ground, 0.6),))
    tab = np.array(
        [(-0.12, -tall - 0.12), (0.0, -tall - 0.12), (0.0, -tall + 0.14), (-0.1, -tall + 0.14)]
    )
    seam = Stroke(curve((0.98, -0.62), (0.9, -0.3), (0.86, -0.1)), width=0.02)
    return [
        Piece(tab, cut.cloth, shade=-0.1),
        Piece(upper, cut.cloth, (seam,)),
        Piece(gusset, elastic),
        Piece(sole, dyed(shaded(cut.cloth.ground, 0.45), "leather")),
    ]


def _heel(cut: Accessory) -> list[Piece]:
    upper = join(
        curve((0.02, -0.8), (0.0, -1.02), (0.12, -1.14)),
        curve((0.12, -1.14), (0.4, -0.78), (0.9, -0.5), (1.3, -0.36)),
        curve((1.3, -0.36), (1.7, -0.3), (2.0, -0.1), (1.96, -0.02)),
        curve((1.5, -0.03), (1.2, -0.08), (0.8, -0.36), (0.38, -0.62)),
    )
    stem = join(
        curve((0.04, -0.84), (0.1, -0.4), (0.14, 0.02)),
        curve((0.26, 0.02), (0.28, -0.4), (0.42, -0.62)),
    )
    sole = join(
        curve((0.4, -0.6), (0.8, -0.33), (1.2, -0.06), (1.5, -0.01), (1.97, -0.02)),
        curve((1.95, 0.03), (1.4, 0.04), (1.1, 0.0), (0.7, -0.28), (0.38, -0.54)),
    )
    dark = dyed(shaded(cut.cloth.ground, 0.55), "leather")
    inside = join(
        curve((0.12, -1.14), (0.4, -0.78), (0.9, -0.5), (1.3, -0.36)),
        curve((1.1, -0.5), (0.6, -0.82), (0.3, -1.08)),
    )
    return [
        Piece(stem, dark),
        Piece(inside, dyed((222, 190, 160), "leather"), shade=-0.1),
        Piece(upper, cut.cloth),
        Piece(sole, dark),
    ]


def _loafer(cut: Accessory) -> list[Piece]:
    upper = join(
        curve((0.0, -0.14), (-0.03, -0.5), (0.06, -0.78)),
        curve((0.06, -0.78), (0.3, -0.58), (0.62, -0.6), (0.86, -0.78)),
        curve((0.86, -0.78), (1.3, -0.6), (1.75, -0.46), (1.97, -0.24), (1.96, -0.12)),
    )
    sole = np.array(
        [(-0.03, -0.15), (1.99, -0.15), (2.0, -0.05), (0.7, -0.05), (0.66, 0.02), (-0.03, 0.02)]
    )
    apron = Stroke(curve((0.98, -0.74), (1.3, -0.44), (1.72, -0.36), (1.86, -0.42)), width=0.035)
    strap = join(
        curve((0.78, -0.74), (0.92, -0.5), (0.94, -0.16)),
        curve((1.18, -0.16), (1.14, -0.5), (1.02, -0.74)),
    )
    bit = np.array([(0.82, -0.64), (1.12, -0.6)])
    return [
        Piece(upper, cut.cloth, (apron,)),
        Piece(strap, cut.cloth, lift=0.03, shade=-0.03),
        Piece(ribbon(bit, 0.035), dyed(cut.metal), lift=0.02),
        Piece(sole, dyed(shaded(cut.cloth.ground, 0.45), "leather")),
    ]


def _sandal(cut: Accessory) -> list[Piece]:
    sole = join(
        curve((-0.04, -0.14), (0.9, -0.16), (1.98, -0.14)),
        curve((2.0, -0.02), (1.0, 0.0), (-0.04, 0.0)),
    )
    cork = dyed((196, 156, 112), "canvas")
    pieces = []
    for left, right, top in ((1.1, 1.66, -0.46), (0.5, 0.92, -0.7)):
        middle = 0.5 * (left + right)
        strap = join(
            curve((left, -0.15), (left + 0.06, 0.7 * top), (middle - 0.06, top)),
            curve((middle + 0.1, top + 0.02), (right, 0.6 * top), (right + 0.06, -0.15)),
        )
        pieces.append(Piece(strap, cut.cloth))
    ankle = curve((0.02, -0.16), (0.0, -0.6), (0.3, -0.74), (0.66, -0.68))
    pieces.append(Piece(ribbon(ankle, 0.07), cut.cloth))
    buckle = Piece(ellipse((0.5, -0.72), 0.08, 0.09), dyed(cut.metal))
    return [*pieces, buckle, Piece(sole, cork)]


_SHOES = {"sneaker": _sneaker, "boot": _boot, "heel": _heel, "loafer": _loafer, "sandal": _sandal}
