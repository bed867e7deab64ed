"""Pattern maker for shoes, bags, hats, scarves and eyewear.

Each is cut around its own origin; `place_...` puts it on a wearer. `make_accessory` is the entry.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sample.geometry import curve, ellipse, flip, join, ribbon, spread, symmetric
from sample.pieces import RGB, Cloth, Figure, Piece, Stroke, dyed, shaded

Kind = Literal["shoes", "bag", "hat", "scarf", "eyewear"]


@dataclass(frozen=True)
class Accessory:
    """One accessory: its kind, its `style` within the kind, its cloth and accent colours."""

    kind: Kind
    style: str
    cloth: Cloth
    accent: RGB = (240, 236, 228)
    metal: RGB = (206, 170, 98)
    size: float = 1.0


def make_accessory(cut: Accessory, figure: Figure) -> list[Piece]:
    """The pieces as a wearer carries them, or as they stand in a product photo."""
    return _MAKERS[cut.kind](cut, figure)


# --- shoes ------------------------------------------------------------------------------------


def _shoes(cut: Accessory, figure: Figure) -> list[Piece]:
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
    sole = join(curve((-0.06, -0.24), (0.9, -0.17), (1.98, -0.22)),
                curve((2.04, -0.1), (1.9, 0.0), (0.9, 0.0), (0.05, 0.0), (-0.08, -0.1)))  # fmt: skip
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
    pieces += [Piece(ribbon(lace, 0.035), dyed((246, 244, 238)), lift=0.02) for lace in laces]
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
    sole = join(curve((0.4, -0.6), (0.8, -0.33), (1.2, -0.06), (1.5, -0.01), (1.97, -0.02)),
                curve((1.95, 0.03), (1.4, 0.04), (1.1, 0.0), (0.7, -0.28), (0.38, -0.54)))  # fmt: skip
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
        strap = join(curve((left, -0.15), (left + 0.06, 0.7 * top), (middle - 0.06, top)),
                     curve((middle + 0.1, top + 0.02), (right, 0.6 * top), (right + 0.06, -0.15)))  # fmt: skip
        pieces.append(Piece(strap, cut.cloth))
    ankle = curve((0.02, -0.16), (0.0, -0.6), (0.3, -0.74), (0.66, -0.68))
    pieces.append(Piece(ribbon(ankle, 0.07), cut.cloth))
    buckle = Piece(ellipse((0.5, -0.72), 0.08, 0.09), dyed(cut.metal))
    return [*pieces, buckle, Piece(sole, cork)]


_SHOES = {"sneaker": _sneaker, "boot": _boot, "heel": _heel, "loafer": _loafer, "sandal": _sandal}


# --- bags -------------------------------------------------------------------------------------


def _bag(cut: Accessory, figure: Figure) -> list[Piece]:
    """A bag whose opening lies at y = 0; worn, it hangs from the picture's right hand."""
    pieces = _BAGS[cut.style](cut, figure.back)
    if not figure.worn:
        return pieces
    wrist = figure.arm(1.0)[2]
    drop = {
        "tote": 0.62,
        "shopper": 0.5,
        "backpack": 0.5,
        "clutch": 0.0,
        "satchel": 0.5,
        "crossbody": 0.5,
    }
    size = 0.62 * cut.size
    return [
        p.moved(size, (wrist[0] + 0.03, wrist[1] + 0.22 + drop[cut.style] * size)) for p in pieces
    ]


def _handle(
    width: float, top: float, cloth: Cloth, behind: bool = False, thick: float = 0.045
) -> Piece:
    arc = curve(
        (-width, 0.12),
        (-width * 0.92, top * 0.6),
        (0.0, top),
        (width * 0.92, top * 0.6),
        (width, 0.12),
    )
    return Piece(ribbon(arc, thick), cloth, shade=-0.1 if behind else 0.0)


def _tote(cut: Accessory, back: bool) -> list[Piece]:
    body = symmetric(
        [(0.0, 0.0), (0.68, 0.0)], curve((0.7, 0.5), (0.66, 1.3), (0.6, 1.42)), [(0.0, 1.44)]
    )
    strap = dyed(shaded(cut.cloth.ground, 0.8), "canvas")
    hem = Stroke(np.array([(-0.8, 0.1), (0.8, 0.1)]), "stitch", None, 0.012)
    pieces = [
        _handle(0.33, -0.8, strap, True),
        Piece(body, cut.cloth, (hem,)),
        _handle(0.33, -0.72, strap),
    ]
    if not back:
        label = np.array([(-0.13, 0.62), (0.13, 0.62), (0.13, 0.8), (-0.13, 0.8)])
        pieces.append(Piece(label, dyed(cut.accent, "leather"), lift=0.02))
    return pieces


def _shopper(cut: Accessory, back: bool) -> list[Piece]:
    body = symmetric(
        [(0.0, 0.0), (0.56, 0.0)], curve((0.66, 0.4), (0.82, 0.95), (0.8, 1.05)), [(0.0, 1.08)]
    )
    panel = Stroke(curve((-0.8, 0.78), (0.0, 0.82), (0.8, 0.78)), width=0.02)
    lower = symmetric([(0.0, 0.8)], curve((0.77, 0.78), (0.82, 0.98), (0.8, 1.05)), [(0.0, 1.08)])
    dark = dyed(shaded(cut.cloth.ground, 0.62), "leather")
    pieces = [
        _handle(0.34, -0.55, dark, True),
        Piece(body, cut.cloth, (panel,)),
        Piece(lower, dark),
    ]
    pieces.append(_handle(0.34, -0.48, dark))
    if not back:
        rings = np.array([(-0.34, 0.12), (0.34, 0.12)])
        pieces.append(
            Piece(
                np.array([(-0.09, 0.0), (0.09, 0.0), (0.09, 0.3), (-0.09, 0.3)]),
                dark,
                (Stroke(np.array([(0.0, 0.24)]), "dot", cut.metal, 0.05),),
            )
        )
        pieces += [
            Piece(ellipse((float(x), float(y)), 0.06, 0.06), dyed(cut.metal)) for x, y in rings
        ]
    return pieces


def _satchel(cut: Accessory, back: bool) -> list[Piece]:
    body = symmetric(
        [(0.0, 0.0), (0.7, 0.0)],
        curve((0.78, 0.1), (0.8, 0.6), (0.76, 0.92), (0.6, 1.0)),
        [(0.0, 1.0)],
    )
    handle = _handle(0.3, -0.34, cut.cloth, thick=0.055)
    pieces = [handle, Piece(body, cut.cloth)]
    if back:
        slit = np.array([(-0.45, 0.4), (0.45, 0.4)])
        return [*pieces, Piece(ribbon(slit, 0.02), dyed(cut.metal))]
    flap = symmetric([(0.0, -0.02), (0.72, -0.02)], curve((0.82, 0.2), (0.7, 0.52), (0.0, 0.62)))
    edge = Stroke(
        curve((-0.75, 0.16), (-0.62, 0.44), (0.0, 0.56), (0.62, 0.44), (0.75, 0.16)),
        "stitch",
        shaded(cut.cloth.ground, 0.6),
        0.012,
    )
    lock = np.array([(-0.1, 0.5), (0.1, 0.5), (0.1, 0.7), (-0.1, 0.7)])
    return [
        *pieces,
        Piece(flap, cut.cloth, (edge,), lift=0.05),
        Piece(lock, dyed(cut.metal), lift=0.03),
    ]


def _crossbody(cut: Accessory, back: bool) -> list[Piece]:
    chain = curve((-0.55, 0.1), (-0.5, -0.8), (0.0, -1.35), (0.5, -0.8), (0.55, 0.1))
    body = ellipse((0.0, 0.42), 0.66, 0.46)
    strap = Piece(ribbon(chain, 0.03), dyed(cut.metal), ())
    zipper = Stroke(curve((-0.56, 0.24), (0.0, 0.06), (0.56, 0.24)), "line", cut.metal, 0.03)
    flap = symmetric([(0.0, 0.0)], curve((0.5, 0.06), (0.64, 0.34), (0.4, 0.56), (0.0, 0.66)))
    pieces = [strap, Piece(body, cut.cloth, (zipper,))]
    if not back:
        pieces.append(Piece(flap, cut.cloth, lift=0.04))
        pieces.append(Piece(ellipse((0.0, 0.6), 0.08, 0.08), dyed(cut.metal), lift=0.02))
    return pieces


def _backpack(cut: Accessory, back: bool) -> list[Piece]:
    body = symmetric(
        curve((0.0, -0.12), (0.4, -0.08), (0.62, 0.2), (0.66, 0.8), (0.64, 1.5), (0.5, 1.6)),
        [(0.0, 1.62)],
    )
    loop = curve((-0.16, -0.05), (-0.12, -0.32), (0.12, -0.32), (0.16, -0.05))
    dark = dyed(shaded(cut.cloth.ground, 0.7), "canvas")
    pieces = [Piece(ribbon(loop, 0.045), dark)]
    side = [
        Piece(
            flip(join(curve((0.6, 0.9), (0.76, 1.0), (0.74, 1.5)), [(0.62, 1.54)]), s),
            cut.cloth,
            shade=-0.1,
        )
        for s in (-1, 1)
    ]
    pieces += [
        *side,
        Piece(
            body,
            cut.cloth,
            (
                Stroke(
                    curve((-0.56, 0.5), (-0.44, 0.12), (0, 0.04), (0.44, 0.12), (0.56, 0.5)),
                    "line",
                    shaded(cut.cloth.ground, 0.55),
                    0.03,
                ),
            ),
        ),
    ]
    if back:
        for s in (-1, 1):
            strap = flip(curve((0.2, 0.0), (0.42, 0.5), (0.5, 1.4)), s)
            pieces.append(Piece(ribbon(strap, 0.11), dark, lift=0.04))
        return pieces
    pocket = symmetric(
        curve((0.0, 0.72), (0.38, 0.74), (0.47, 0.9), (0.46, 1.42), (0.36, 1.48)), [(0.0, 1.49)]
    )
    zipper = Stroke(curve((-0.42, 0.9), (0.0, 0.84), (0.42, 0.9)), "line", cut.metal, 0.025)
    patch = np.array([(-0.14, 0.34), (0.14, 0.34), (0.14, 0.54), (-0.14, 0.54)])
    return [
        *pieces,
        Piece(pocket, cut.cloth, (zipper,), lift=0.04),
        Piece(patch, dyed(cut.accent, "leather"), lift=0.02),
    ]


def _clutch(cut: Accessory, back: bool) -> list[Piece]:
    body = np.array([(-0.85, 0.0), (0.85, 0.0), (0.83, 0.98), (-0.83, 0.98)])
    if back:
        return [Piece(body, cut.cloth)]
    flap = join(
        [(-0.86, -0.01), (0.86, -0.01)],
        curve((0.85, 0.12), (0.1, 0.6), (0.0, 0.62), (-0.1, 0.6), (-0.85, 0.12)),
    )
    return [
        Piece(body, cut.cloth),
        Piece(flap, cut.cloth, lift=0.05),
        Piece(ellipse((0.0, 0.54), 0.07, 0.07), dyed(cut.metal), lift=0.02),
    ]


_BAGS = {
    "tote": _tote,
    "shopper": _shopper,
    "satchel": _satchel,
    "crossbody": _crossbody,
    "backpack": _backpack,
    "clutch": _clutch,
}


# --- hats, scarves, eyewear -------------------------------------------------------------------


def _hat(cut: Accessory, figure: Figure) -> list[Piece]:
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


def _scarf(cut: Accessory, figure: Figure) -> list[Piece]:
    """A scarf looped once, its two ends hanging."""
    cloth, long = cut.cloth, 2.0 * cut.size
    pieces = [Piece(ellipse((0.0, -0.1), 0.36, 0.2), cloth, behind=True, shade=-0.25)]
    for x, end in ((0.24, long), (-0.1, long - 0.35)):
        fall = curve((0.5 * x, 0.15), (x, 0.7), (x * 1.1 + 0.03, end))
        widths = spread([0.14, 0.21, 0.23], len(fall))
        left, right = fall[-1] - (0.2, 0.0), fall[-1] + (0.2, 0.0)
        fringe = [
            np.stack([left + (right - left) * t, left + (right - left) * t + (0.0, 0.17)])
            for t in np.linspace(0, 1, 9)
        ]
        pieces += [Piece(ribbon(f, 0.016), cloth.plain(), ink=False) for f in fringe]
        crease = Stroke(fall + (0.06, 0.0), "fold", width=0.035)
        pieces.append(Piece(ribbon(fall, widths), cloth, (crease,), lift=0.05))
    loop = join(
        curve(
            (-0.4, -0.22),
            (-0.47, -0.02),
            (-0.3, 0.24),
            (0.0, 0.34),
            (0.32, 0.22),
            (0.47, -0.03),
            (0.4, -0.24),
        ),
        curve((0.34, -0.16), (0.2, -0.02), (0.0, 0.02), (-0.2, -0.02), (-0.34, -0.16)),
    )
    folds = tuple(
        Stroke(curve((-0.4, -0.1 + k), (0.0, 0.13 + k), (0.4, -0.1 + k)), "fold", width=0.03)
        for k in (0.0, 0.1)
    )
    return [*pieces, Piece(loop, cloth, folds, (0.0, 0.0, 1.57), lift=0.05)]


def _eyewear(cut: Accessory, figure: Figure) -> list[Piece]:
    """Glasses before eyes at y = -0.83."""
    if figure.back and figure.worn:
        return []
    frame, lens = cut.cloth, dyed(cut.accent, "satin")
    pieces = []
    for side in (-1, 1):
        if not figure.worn:
            temple = flip(curve((0.33, -0.9), (0.3, -1.02), (0.1, -1.06)), side)
            pieces.append(Piece(ribbon(temple, 0.018), frame, shade=-0.2))
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

_MAKERS = {"shoes": _shoes, "bag": _bag, "hat": _hat, "scarf": _scarf, "eyewear": _eyewear}
