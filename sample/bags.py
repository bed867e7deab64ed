"""Pattern maker for bags of several kinds; called by `sample.accessories`."""

import numpy as np

from sample.geometry import curve, ellipse, flip, join, ribbon, symmetric
from sample.pieces import Accessory, Cloth, Figure, Piece, Stroke, dyed, shaded


def make_bag(cut: Accessory, figure: Figure) -> list[Piece]:
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
