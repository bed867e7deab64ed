"""What a garment is made of: cloth, cut pieces and sewn strokes. Pattern makers build these and
the canvas draws them."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from sample.geometry import Points

RGB = tuple[int, int, int]
Print = Literal[
    "solid",
    "melange",
    "stripes",
    "pinstripes",
    "breton",
    "gingham",
    "tartan",
    "windowpane",
    "dots",
    "floral",
    "camo",
    "leopard",
    "colour block",
    "argyle",
]
Material = Literal[
    "jersey",
    "poplin",
    "knit",
    "cable",
    "chunky",
    "rib",
    "denim",
    "leather",
    "quilt",
    "diamond",
    "wool",
    "satin",
    "corduroy",
    "canvas",
    "straw",
    "fleece",
    "plain",
]


@dataclass(frozen=True)
class Cloth:
    """A fabric: `colours` holds the ground first; `repeat` is the print's repeats in two heads."""

    material: Material
    colours: tuple[RGB, ...]
    print: Print = "solid"
    repeat: int = 8
    seed: int = 0

    @property
    def ground(self) -> RGB:
        return self.colours[0]

    def plain(self) -> "Cloth":
        """The same fabric without its print, as for a collar band."""
        return replace(self, print="solid", colours=self.colours[:1])

    def ribbed(self) -> "Cloth":
        """Rib of the ground colour, as for cuffs and hems."""
        return Cloth("rib", self.colours[:1], seed=self.seed)


def dyed(colour: RGB, material: Material = "plain") -> Cloth:
    """A one-coloured cloth."""
    return Cloth(material, (colour,))


def shaded(colour: RGB, factor: float) -> RGB:
    """A colour darkened (factor < 1) or lightened towards white (factor > 1)."""
    value = np.asarray(colour, float)
    value = value * factor if factor <= 1 else value + (255 - value) * (factor - 1)
    red, green, blue = (int(v) for v in np.clip(np.rint(value), 0, 255))
    return red, green, blue


@dataclass(frozen=True)
class Stroke:
    """Something sewn onto a piece, cut off at its edge. `width` is in heads.

    seam: a line darker than the cloth; stitch: dashes of `colour`; line: a plain line;
    dot: filled circles of radius `width` at the points; fold: a wide soft shadow.
    """

    points: Points
    kind: Literal["seam", "stitch", "line", "dot", "fold"] = "seam"
    colour: RGB | None = None
    width: float = 0.014


@dataclass(frozen=True)
class Piece:
    """One closed outline of one cloth.

    `grain` is the origin (x, y) and the turn in radians of the cloth's threads. `behind` pieces
    hang behind the wearer. `shade` is added to the brightness (-1 to 1), `lift` is how far the
    piece stands off what lies below, in heads, and sets the shadow it throws there.
    """

    outline: Points
    cloth: Cloth
    strokes: tuple[Stroke, ...] = ()
    grain: tuple[float, float, float] = (0.0, 0.0, 0.0)
    behind: bool = False
    shade: float = 0.0
    lift: float = 0.0
    ink: bool = True

    def moved(self, scale: float | tuple[float, float], shift: tuple[float, float]) -> "Piece":
        """The piece scaled about the origin (a negative x flips it), then shifted."""
        factor = np.broadcast_to(np.asarray(scale, float), (2,))
        size = float(np.abs(factor[1]))
        strokes = tuple(
            replace(s, points=s.points * factor + shift, width=s.width * size) for s in self.strokes
        )
        x, y = self.grain[0] * factor[0] + shift[0], self.grain[1] * factor[1] + shift[1]
        grain = (float(x), float(y), self.grain[2] * float(np.sign(factor[0])))
        outline = self.outline * factor + shift
        return replace(self, outline=outline, strokes=strokes, grain=grain, lift=self.lift * size)


@dataclass(frozen=True)
class Figure:
    """Who wears the clothes: skin, hair and joints. Angles are radians out from hanging down."""

    arms: tuple[tuple[float, float], tuple[float, float]] = ((0.35, 0.35), (0.35, 0.35))
    stance: float = 0.04
    worn: bool = False
    back: bool = False
    skin: RGB = (224, 172, 140)
    hair: RGB = (70, 48, 38)
    hairstyle: str = "bob"
    mannequin: bool = field(default=False)

    def arm(self, side: float) -> Points:
        """Shoulder, elbow and wrist on the picture's right (+1) or left (-1), (3, 2)."""
        upper, lower = self.arms[0 if side > 0 else 1]
        shoulder = np.array([0.68, 0.27])
        elbow = shoulder + 1.06 * np.array([np.sin(upper), np.cos(upper)])
        wrist = elbow + 1.0 * np.array([np.sin(lower), np.cos(lower)])
        return np.asarray(np.stack([shoulder, elbow, wrist]) * (side, 1.0))

    def leg(self, side: float) -> Points:
        """Hip, knee and ankle on the picture's right (+1) or left (-1), (3, 2)."""
        hip = np.array([0.31, 2.45])
        knee = hip + 1.95 * np.array([np.sin(self.stance), np.cos(self.stance)])
        ankle = knee + 1.85 * np.array([np.sin(self.stance * 0.6), np.cos(self.stance)])
        return np.asarray(np.stack([hip, knee, ankle]) * (side, 1.0))


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
