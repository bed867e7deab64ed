"""What the shop sells: for each category, how one garment's cut and cloth are chosen.

`choose_garment` is the entry; views and companions come from `sample.views`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from catalog.taxonomy import KFASHION_CATEGORIES
from sample.accessories import Accessory, make_accessory
from sample.lowers import Skirt, Trousers, make_skirt, make_trousers
from sample.palette import COLOURS, LEATHERS, brightness, make_cloth, pick_colour
from sample.pieces import RGB, Cloth, Figure, Piece, Print, shaded
from sample.uppers import Upper, make_upper

DRAWN_CATEGORIES = (*KFASHION_CATEGORIES, "shorts", "shoes", "bag", "hat", "scarf", "eyewear")
"""K-Fashion's 21 categories and what the shipped taxonomy adds."""

_TEE_PRINTS: tuple[Print, ...] = ("breton", "stripes", "melange", "colour block", "camo", "dots")
_SHIRT_PRINTS: tuple[Print, ...] = ("gingham", "tartan", "pinstripes", "windowpane", "dots")
_KNIT_PRINTS: tuple[Print, ...] = ("melange", "breton", "argyle", "stripes", "colour block")
_DRESS_PRINTS: tuple[Print, ...] = ("floral", "dots", "gingham", "floral", "leopard", "stripes")
_COAT_PRINTS: tuple[Print, ...] = ("melange", "windowpane", "tartan")


@dataclass(frozen=True)
class Jumpsuit:
    """A bodice and trousers of one cloth, joined at the waist."""

    bodice: Upper
    legs: Trousers


Cut = Upper | Trousers | Skirt | Jumpsuit | Accessory


@dataclass(frozen=True)
class Garment:
    """One design: its category, the word a shop uses, its fit, its colour's name, its cut."""

    category: str
    noun: str
    fit: str
    colour: str
    cloth: Cloth
    cut: Cut


def make_pieces(garment: Garment, figure: Figure) -> list[Piece]:
    """The pieces of a garment as the figure wears it, or as it lies in the figure's pose."""
    cut = garment.cut
    if isinstance(cut, Upper):
        return make_upper(cut, figure)
    if isinstance(cut, Trousers):
        return make_trousers(cut, figure)
    if isinstance(cut, Skirt):
        return make_skirt(cut, figure)
    if isinstance(cut, Accessory):
        return make_accessory(cut, figure)
    return [*make_trousers(cut.legs, figure), *make_upper(cut.bodice, figure)]


def choose_garment(category: str, rng: np.random.Generator) -> Garment:
    """A design of the category; the same generator state gives the same design."""
    return _CHOICES[category](rng)


def _one_of(rng: np.random.Generator, *values: str) -> str:
    return values[int(rng.integers(len(values)))]


def _near(rng: np.random.Generator, value: float, by: float = 0.06) -> float:
    return float(value * rng.uniform(1 - by, 1 + by))


def _lining(cloth: Cloth) -> Cloth:
    return Cloth("plain", (shaded(cloth.ground, 0.8),))


def _trim(cloth: Cloth, rng: np.random.Generator) -> RGB:
    """Buttons and cords that show on the cloth."""
    dark = brightness(cloth.ground) < 120
    names = ("Ivory", "Sand", "Pearl Grey") if dark else ("Chocolate", "White", "Charcoal")
    return COLOURS[_one_of(rng, *names)]


def _upper(
    category: str,
    noun: str,
    fit: str,
    colour: str,
    cloth: Cloth,
    rng: np.random.Generator,
    **cut: object,
) -> Garment:
    """A garment of the torso with its widths varied a little around the given cut."""
    widths = ("shoulder", "chest", "waist", "hip")
    near = _near(rng, 1.0, 0.04)
    varied = {k: v * near if k in widths and isinstance(v, float) else v for k, v in cut.items()}
    trim = varied.pop("trim", _trim(cloth, rng))
    pattern = Upper(cloth, _lining(cloth), trim=trim, **varied)  # type: ignore[arg-type]
    return Garment(category, noun, fit, colour, cloth, pattern)


def _top(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(
        rng, ("jersey", "satin", "rib", "poplin"), ("stripes", "floral", "dots"), 0.4
    )
    if rng.random() < 0.6:
        return _upper("top", _one_of(rng, "Camisole", "Tank Top"), "", colour, cloth, rng, neck="strap",
                      neck_width=0.42, neck_depth=_near(rng, 0.5), shoulder=0.47, chest=0.56,
                      waist=0.5, hip=_near(rng, 0.56), length=_near(rng, 2.1, 0.1), sleeve=0.0)  # fmt: skip
    return _upper("top", "Square-Neck Top", "", colour, cloth, rng, neck="square", neck_width=0.44,
                  neck_depth=0.42, shoulder=0.64, chest=0.57, waist=0.48, hip=0.54,
                  length=_near(rng, 1.8, 0.1), sleeve=0.3, sleeve_width=0.19, cuff_width=0.15,
                  puff=0.07, cuffed=False)  # fmt: skip


def _blouse(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(
        rng, ("satin", "poplin"), ("floral", "dots", "leopard", "pinstripes"), 0.5
    )
    neck = _one_of(rng, "bow", "v", "boat")
    return _upper("blouse", "Blouse", _one_of(rng, "Puff-Sleeve", "Flowing", "Draped"), colour, cloth, rng,
                  neck=neck, neck_width=0.3, neck_depth=0.5 if neck == "v" else 0.22, shoulder=0.7,
                  chest=0.66, waist=0.56, hip=0.7, length=_near(rng, 2.3), hem_drop=0.06,
                  sleeve=float(rng.choice([0.55, 0.98])), sleeve_width=0.2, cuff_width=0.16,
                  puff=_near(rng, 0.15, 0.3), pleats=3)  # fmt: skip


def _tshirt(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("jersey",), _TEE_PRINTS, 0.5)
    wide = float(rng.uniform(0.96, 1.16))
    neck = _one_of(rng, "crew", "crew", "v", "scoop", "polo")
    noun = "Polo Shirt" if neck == "polo" else "T-Shirt"
    return _upper("t-shirts", noun, "Relaxed" if wide > 1.06 else _one_of(rng, "Regular", "Slim"),
                  colour, cloth, rng, neck=neck, neck_width=0.28,
                  neck_depth={"crew": 0.2, "v": 0.46, "scoop": 0.4, "polo": 0.3}[neck],
                  shoulder=0.76 * wide, chest=0.67 * wide, waist=0.62 * wide, hip=0.66 * wide,
                  length=_near(rng, 2.35), sleeve=float(rng.uniform(0.3, 0.44)), sleeve_width=0.24 * wide,
                  cuff_width=0.23 * wide, closure="half" if neck == "polo" else "none",
                  pocket=_one_of(rng, "none", "none", "chest"), cuffed=False)  # fmt: skip


def _knitwear(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("knit", "cable", "chunky", "rib"), _KNIT_PRINTS, 0.35)
    neck = _one_of(rng, "crew", "turtle", "v")
    return _upper("knitwear", {"turtle": "Roll-Neck Sweater"}.get(neck, "Sweater"),
                  _one_of(rng, "Oversized", "Classic", "Boxy"), colour, cloth, rng, neck=neck,
                  neck_width=0.28, neck_depth={"crew": 0.2, "turtle": 0.12, "v": 0.5}[neck],
                  shoulder=0.8, chest=0.72, waist=0.68, hip=0.66, length=_near(rng, 2.3), sleeve=0.93,
                  sleeve_width=0.25, cuff_width=0.17, puff=0.05, rib=True)  # fmt: skip


def _shirt(rng: np.random.Generator) -> Garment:
    material = ("denim",) if rng.random() < 0.15 else ("poplin", "corduroy", "poplin")
    colour, cloth = make_cloth(rng, material, _SHIRT_PRINTS, 0.55)  # type: ignore[arg-type]
    short = rng.random() < 0.25
    return _upper("shirts", "Shirt", _one_of(rng, "Oxford", "Relaxed", "Slim", "Oversized"), colour, cloth, rng,
                  neck="shirt", neck_width=0.24, neck_depth=0.2, shoulder=0.74, chest=0.67, waist=0.62,
                  hip=0.66, length=_near(rng, 2.5), hem_drop=0.14, sleeve=0.42 if short else 0.98,
                  sleeve_width=0.22, cuff_width=0.21 if short else 0.14, closure="buttons",
                  pocket=_one_of(rng, "chest", "none"))  # fmt: skip


def _bratop(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("rib", "jersey"), ("melange", "colour block"), 0.2)
    return _upper("bratop", _one_of(rng, "Sports Bra", "Bra Top", "Bralette"), "", colour, cloth, rng,
                  neck="strap", neck_width=_near(rng, 0.36), neck_depth=_near(rng, 0.58), shoulder=0.45,
                  chest=0.55, waist=0.5, hip=0.51, length=_near(rng, 1.22, 0.07), hem_drop=0.02, sleeve=0.0,
                  rib=True)  # fmt: skip


def _hoody(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("jersey", "fleece"), ("melange", "colour block", "camo"), 0.4)
    return _upper("hoody", "Hoodie", _one_of(rng, "Oversized", "Relaxed", "Essential"), colour, cloth, rng,
                  neck="hood", neck_width=0.32, neck_depth=0.34, shoulder=0.82, chest=0.74, waist=0.71,
                  hip=0.68, length=_near(rng, 2.35), sleeve=0.94, sleeve_width=0.26, cuff_width=0.19,
                  puff=0.04, rib=True, pocket="kangaroo")  # fmt: skip


def _zipup(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("jersey", "fleece", "rib"), ("melange", "colour block"), 0.35)
    hooded = rng.random() < 0.5
    return _upper("zipup", "Zip Hoodie" if hooded else "Zip-Up", _one_of(rng, "Track", "Relaxed", "Essential"),
                  colour, cloth, rng, neck="hood" if hooded else "stand", neck_width=0.3,
                  neck_depth=0.34 if hooded else 0.14, shoulder=0.78, chest=0.7, waist=0.67, hip=0.65,
                  length=_near(rng, 2.3), sleeve=0.94, sleeve_width=0.24, cuff_width=0.18, rib=True,
                  closure="zip", pocket="welt")  # fmt: skip


def _cardigan(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("knit", "cable", "chunky", "rib"), _KNIT_PRINTS, 0.3)
    return _upper("cardigan", "Cardigan", _one_of(rng, "Long", "Cropped", "Classic"), colour, cloth, rng,
                  neck="v", neck_width=0.26, neck_depth=_near(rng, 0.75), shoulder=0.76, chest=0.68,
                  waist=0.65, hip=0.66, length=float(rng.choice([2.0, 2.45, 3.1])), sleeve=0.94,
                  sleeve_width=0.23, cuff_width=0.17, rib=True, closure="buttons",
                  open=bool(rng.random() < 0.5), pocket=_one_of(rng, "none", "patch"))  # fmt: skip


def _coat(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("wool", "canvas", "wool"), _COAT_PRINTS, 0.35)
    double = rng.random() < 0.4
    return _upper("coat", _one_of(rng, "Overcoat", "Trench Coat", "Wool Coat"),
                  _one_of(rng, "Long", "Tailored", "Oversized"), colour, cloth, rng,
                  neck=_one_of(rng, "lapel", "lapel", "shawl"), neck_width=0.27, neck_depth=_near(rng, 0.85),
                  shoulder=0.8, chest=0.72, waist=0.66, hip=0.76, flare=_near(rng, 0.1, 0.5),
                  length=_near(rng, 4.3, 0.08), sleeve=0.98, sleeve_width=0.26, cuff_width=0.22,
                  closure="double" if double else "buttons", open=bool(not double and rng.random() < 0.5),
                  pocket=_one_of(rng, "flap", "welt"), trim=shaded(cloth.ground, 0.5))  # fmt: skip


def _jacket(rng: np.random.Generator) -> Garment:
    style = _one_of(rng, "Denim Jacket", "Blazer", "Biker Jacket")
    if style == "Blazer":
        colour, cloth = make_cloth(
            rng, ("wool", "corduroy"), ("pinstripes", "windowpane", "tartan"), 0.5
        )
        return _upper("jacket", style, _one_of(rng, "Tailored", "Relaxed"), colour, cloth, rng, neck="lapel",
                      neck_width=0.26, neck_depth=_near(rng, 1.05), shoulder=0.78, chest=0.69, waist=0.6,
                      hip=0.7, length=_near(rng, 2.75), sleeve=0.97, sleeve_width=0.24, cuff_width=0.19,
                      closure=_one_of(rng, "buttons", "double"), open=bool(rng.random() < 0.35),
                      pocket="flap", trim=shaded(cloth.ground, 0.5))  # fmt: skip
    denim = style == "Denim Jacket"
    colour, cloth = make_cloth(rng, ("denim",) if denim else ("leather",))
    return _upper("jacket", style, _one_of(rng, "Cropped", "Classic"), colour, cloth, rng,
                  neck="shirt" if denim else "lapel", neck_width=0.27, neck_depth=0.2 if denim else 0.6,
                  shoulder=0.77, chest=0.7, waist=0.62, hip=0.62, length=_near(rng, 2.0), sleeve=0.96,
                  sleeve_width=0.24, cuff_width=0.17, closure="buttons" if denim else "zip",
                  open=bool(rng.random() < 0.3), pocket="chest" if denim else "welt",
                  trim=(196, 150, 96))  # fmt: skip


def _jumper(rng: np.random.Generator) -> Garment:
    """K-Fashion's 점퍼: a blouson such as a bomber or a windbreaker."""
    colour, cloth = make_cloth(rng, ("satin", "canvas", "poplin"), ("camo", "colour block"), 0.3)
    return _upper("jumper", _one_of(rng, "Bomber Jacket", "Blouson", "Windbreaker"), _one_of(rng, "Light", "Classic"),
                  colour, cloth, rng, neck="stand", neck_width=0.29, neck_depth=0.14, shoulder=0.82,
                  chest=0.76, waist=0.75, hip=0.66, length=_near(rng, 2.15), sleeve=0.93, sleeve_width=0.27,
                  cuff_width=0.19, puff=0.07, rib=True, closure="zip", pocket="welt")  # fmt: skip


def _padded(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("quilt", "quilt", "diamond"))
    hooded = rng.random() < 0.4
    return _upper("padded jacket", "Puffer Jacket", _one_of(rng, "Down", "Padded", "Cropped"), colour, cloth, rng,
                  neck="hood" if hooded else "stand", neck_width=0.31, neck_depth=0.3 if hooded else 0.12,
                  shoulder=0.86, chest=0.82, waist=0.8, hip=0.77, length=_near(rng, 2.4, 0.12), sleeve=0.95,
                  sleeve_width=0.31, cuff_width=0.23, puff=0.05, closure="zip", pocket="welt")  # fmt: skip


def _vest(rng: np.random.Generator) -> Garment:
    style = _one_of(rng, "Knit Vest", "Waistcoat", "Padded Gilet")
    shared = {"sleeve": 0.0, "neck_width": 0.3}
    if style == "Knit Vest":
        colour, cloth = make_cloth(rng, ("knit", "cable"), ("argyle", "melange", "breton"), 0.5)
        return _upper("vest", style, "", colour, cloth, rng, neck="v", neck_depth=0.72, shoulder=0.66,
                      chest=0.66, waist=0.62, hip=0.62, length=2.15, rib=True, **shared)  # fmt: skip
    if style == "Waistcoat":
        colour, cloth = make_cloth(rng, ("wool",), ("pinstripes", "windowpane", "tartan"), 0.5)
        return _upper("vest", style, "Tailored", colour, cloth, rng, neck="v", neck_depth=0.95, shoulder=0.62,
                      chest=0.62, waist=0.53, hip=0.58, length=2.0, hem_drop=0.2, closure="buttons",
                      pocket="welt", **shared)  # fmt: skip
    colour, cloth = make_cloth(rng, ("quilt", "diamond"))
    return _upper("vest", style, "", colour, cloth, rng, neck="stand", neck_depth=0.12, shoulder=0.74,
                  chest=0.76, waist=0.74, hip=0.72, length=2.25, closure="zip", pocket="welt", **shared)  # fmt: skip


def _dress(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("satin", "poplin", "jersey", "rib"), _DRESS_PRINTS, 0.6, 0.3)
    style = _one_of(rng, "Slip Dress", "Midi Dress", "Shirt Dress", "Mini Dress", "Maxi Dress")
    if style == "Slip Dress":
        return _upper("dress", style, "", colour, cloth, rng, neck="strap", neck_width=0.4, neck_depth=0.55,
                      shoulder=0.46, chest=0.56, waist=0.5, hip=0.62, flare=0.12, length=_near(rng, 4.3), sleeve=0.0)  # fmt: skip
    if style == "Shirt Dress":
        return _upper("dress", style, "Belted", colour, cloth, rng, neck="shirt", neck_width=0.24, neck_depth=0.22,
                      shoulder=0.72, chest=0.64, waist=0.5, hip=0.66, flare=0.25, length=_near(rng, 4.0),
                      sleeve=float(rng.choice([0.42, 0.97])), sleeve_width=0.2, cuff_width=0.16,
                      closure="buttons", seam_at_waist=True)  # fmt: skip
    length = {"Midi Dress": 4.4, "Mini Dress": 3.4, "Maxi Dress": 5.7}[style]
    sleeve = float(rng.choice([0.0, 0.3, 0.55, 0.95]))
    return _upper("dress", style, _one_of(rng, "Tiered", "Fit-and-Flare", "Wrap"), colour, cloth, rng,
                  neck=_one_of(rng, "v", "crew", "square", "boat"), neck_width=0.34, neck_depth=_near(rng, 0.42),
                  shoulder=0.66, chest=0.6, waist=0.48, hip=0.68, flare=_near(rng, 0.42, 0.4),
                  length=_near(rng, length), sleeve=sleeve, sleeve_width=0.19, cuff_width=0.16,
                  puff=float(rng.choice([0.0, 0.1])), seam_at_waist=True, tiers=int(rng.integers(0, 3)),
                  cuffed=False)  # fmt: skip


def _jumpsuit(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(
        rng, ("poplin", "canvas", "denim", "satin"), ("pinstripes", "floral"), 0.25
    )
    work = rng.random() < 0.5
    sleeve = float(rng.choice([0.4, 0.96])) if work else 0.0
    bodice = Upper(cloth, _lining(cloth), neck="shirt" if work else "v", neck_width=0.26,
                   neck_depth=0.22 if work else 0.6, shoulder=0.7 if work else 0.6, chest=0.62,
                   waist=0.5, hip=0.5, length=1.68, hem_drop=0.03, sleeve=sleeve, sleeve_width=0.21,
                   cuff_width=0.19, closure="buttons" if work else "none",
                   pocket="chest" if work else "none", trim=_trim(cloth, rng))  # fmt: skip
    legs = Trousers(cloth, rise=1.66, waist=0.5, hip=0.66, thigh=0.33, knee=_near(rng, 0.29),
                    ankle=_near(rng, 0.3, 0.2), length=_near(rng, 0.95), belt=shaded(cloth.ground, 0.6))  # fmt: skip
    noun = _one_of(rng, "Boiler Suit", "Utility Jumpsuit") if work else "Wide-Leg Jumpsuit"
    return Garment("jumpsuit", noun, "", colour, cloth, Jumpsuit(bodice, legs))


def _trousers(
    category: str, noun: str, fit: str, colour: str, cloth: Cloth, **cut: object
) -> Garment:
    return Garment(category, noun, fit, colour, cloth, Trousers(cloth, **cut))  # type: ignore[arg-type]


def _jean(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("denim",))
    fit = _one_of(rng, "Slim", "Straight", "Wide-Leg", "Flared")
    knee, ankle = {
        "Slim": (0.22, 0.16),
        "Straight": (0.26, 0.25),
        "Wide-Leg": (0.32, 0.36),
        "Flared": (0.22, 0.36),
    }[fit]
    return _trousers("jean", "Jeans", fit, colour, cloth, rise=_near(rng, 1.7, 0.04), knee=knee, ankle=ankle,
                     length=_near(rng, 0.97, 0.05), finish="jeans", pocket="jeans",
                     cuff=_one_of(rng, "none", "none", "turnup"))  # fmt: skip


def _pants(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(
        rng, ("poplin", "wool", "corduroy", "canvas"), ("pinstripes", "tartan", "windowpane"), 0.3
    )
    fit = _one_of(rng, "Tapered", "Straight", "Wide-Leg", "Pleated")
    knee, ankle = {
        "Tapered": (0.25, 0.17),
        "Straight": (0.26, 0.24),
        "Wide-Leg": (0.34, 0.4),
        "Pleated": (0.28, 0.22),
    }[fit]
    belt = LEATHERS[_one_of(rng, "Black", "Cognac")] if rng.random() < 0.3 else None
    return _trousers("pants", _one_of(rng, "Trousers", "Chinos", "Pants"), fit, colour, cloth,
                     rise=_near(rng, 1.62, 0.03), knee=knee, ankle=ankle, length=_near(rng, 0.97, 0.05), belt=belt,
                     crease=bool(rng.random() < 0.6), pocket=_one_of(rng, "slant", "slant", "cargo"),
                     trim=_trim(cloth, rng))  # fmt: skip


def _leggings(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("jersey", "rib"), ("melange", "camo", "leopard"), 0.25)
    return _trousers("leggings", "Leggings", _one_of(rng, "High-Rise", "Sculpting", "7/8"), colour, cloth, rise=1.55,
                     waist=0.43, hip=0.585, thigh=0.272, knee=0.195, ankle=0.125, length=_near(rng, 0.93, 0.06),
                     finish="plain", pocket="none")  # fmt: skip


def _joggers(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("jersey", "fleece"), ("melange", "camo"), 0.4)
    stripe = COLOURS["White"] if rng.random() < 0.3 and brightness(cloth.ground) < 170 else None
    return _trousers("jogger pants", _one_of(rng, "Joggers", "Sweatpants"), _one_of(rng, "Relaxed", "Essential"), colour, cloth,
                     rise=1.66, hip=0.66, thigh=0.34, knee=0.3, ankle=0.23, length=0.9, finish="drawstring",
                     cuff="rib", side_stripe=stripe, trim=_trim(cloth, rng))  # fmt: skip


def _shorts(rng: np.random.Generator) -> Garment:
    material = _one_of(rng, "denim", "poplin", "jersey", "canvas")
    colour, cloth = make_cloth(rng, (material,), ("floral", "stripes", "gingham", "camo"), 0.35)  # type: ignore[arg-type]
    denim, soft = material == "denim", material == "jersey"
    length = float(rng.uniform(0.07, 0.28))
    return _trousers("shorts", "Shorts", _one_of(rng, "Bermuda", "Tailored", "Relaxed"), colour, cloth, rise=1.66,
                     ankle=0.33, length=length, finish="jeans" if denim else "drawstring" if soft else "band",
                     pocket="jeans" if denim else "slant", trim=_trim(cloth, rng),
                     cuff=_one_of(rng, "none", "turnup") if not soft else "none")  # fmt: skip


def _skirt(rng: np.random.Generator) -> Garment:
    fit = _one_of(rng, "Pleated", "Pencil", "A-Line", "Wrap", "Tiered", "Denim")
    material = {"Denim": ("denim",), "Pencil": ("wool", "leather", "corduroy")}.get(
        fit, ("satin", "poplin", "wool")
    )
    colour, cloth = make_cloth(
        rng, material, ("tartan", "floral", "dots", "gingham", "leopard"), 0.5, 0.35
    )  # type: ignore[arg-type]
    hem = {
        "Pleated": 1.0,
        "Pencil": 0.56,
        "A-Line": 0.95,
        "Wrap": 0.85,
        "Tiered": 1.15,
        "Denim": 0.74,
    }[fit]
    length = float(rng.choice([3.1, 3.9, 4.9])) if fit != "Pencil" else 4.2
    cut = Skirt(cloth, hem=_near(rng, hem) * (0.9 if length < 3.5 else 1.0), length=_near(rng, length),
                pleats=9 if fit == "Pleated" else 0, tiers=2 if fit == "Tiered" else 0, wrap=fit == "Wrap",
                buttons=fit in ("A-Line", "Denim") and bool(rng.random() < 0.5), jeans=fit == "Denim",
                trim=_trim(cloth, rng))  # fmt: skip
    return Garment("skirt", "Skirt", "" if fit == "Denim" else fit, colour, cloth, cut)


def _accessory(
    kind: str,
    noun: str,
    fit: str,
    colour: str,
    cloth: Cloth,
    rng: np.random.Generator,
    style: str,
    size: float = 1.0,
) -> Garment:
    accent = pick_colour(rng, 0.7)[1]
    metal: RGB = (206, 170, 98) if rng.random() < 0.6 else (190, 192, 198)
    cut = Accessory(kind, style, cloth, accent, metal, size)  # type: ignore[arg-type]
    return Garment(kind, noun, fit, colour, cloth, cut)


def _shoes(rng: np.random.Generator) -> Garment:
    style = _one_of(rng, "sneaker", "sneaker", "boot", "heel", "loafer", "sandal")
    if style == "sneaker" and rng.random() < 0.6:
        colour, cloth = make_cloth(rng, ("canvas", "jersey"), neutral=0.3)
    else:
        colour, cloth = make_cloth(rng, ("leather",))
    noun = {
        "sneaker": "Sneakers",
        "boot": "Chelsea Boots",
        "heel": "Pumps",
        "loafer": "Loafers",
        "sandal": "Sandals",
    }[style]
    return _accessory("shoes", noun, "", colour, cloth, rng, style)


def _bag(rng: np.random.Generator) -> Garment:
    style = _one_of(rng, "tote", "shopper", "satchel", "crossbody", "backpack", "clutch")
    soft = style in ("tote", "backpack")
    colour, cloth = make_cloth(
        rng,
        ("canvas",) if soft else ("leather",),
        ("stripes", "floral", "camo") if soft else (),
        0.35,
        0.4,
    )
    noun = {
        "tote": "Tote Bag",
        "shopper": "Shopper Bag",
        "satchel": "Satchel Bag",
        "crossbody": "Crossbody Bag",
        "backpack": "Backpack",
        "clutch": "Clutch",
    }[style]
    return _accessory("bag", noun, "", colour, cloth, rng, style)


def _hat(rng: np.random.Generator) -> Garment:
    style = _one_of(rng, "cap", "beanie", "bucket", "fedora")
    materials = {
        "cap": ("canvas", "corduroy", "denim"),
        "beanie": ("knit", "chunky", "rib"),
        "bucket": ("canvas", "denim"),
        "fedora": ("wool", "straw"),
    }
    prints: tuple[Print, ...] = {
        "bucket": ("camo", "floral", "gingham"),
        "beanie": ("breton", "melange"),
    }.get(style, ())  # type: ignore[assignment]
    colour, cloth = make_cloth(rng, materials[style], prints, 0.4)  # type: ignore[arg-type]
    noun = {
        "cap": "Baseball Cap",
        "beanie": "Beanie",
        "bucket": "Bucket Hat",
        "fedora": "Fedora Hat",
    }[style]
    return _accessory("hat", noun, "", colour, cloth, rng, style, float(rng.choice([1.0, 1.1])))


def _scarf(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(
        rng, ("wool", "knit", "satin"), ("tartan", "stripes", "dots", "floral", "windowpane"), 0.65
    )
    return _accessory(
        "scarf",
        "Scarf",
        _one_of(rng, "Soft", "Fringed", "Long"),
        colour,
        cloth,
        rng,
        "loop",
        _near(rng, 1.0, 0.12),
    )


def _eyewear(rng: np.random.Generator) -> Garment:
    style = _one_of(rng, "round", "square", "cat eye", "aviator")
    name, frame = [
        ("Black", (34, 33, 36)),
        ("Tortoise", (122, 74, 42)),
        ("Gold", (198, 162, 92)),
        ("Navy", (38, 48, 82)),
        ("Cherry", (170, 44, 52)),
    ][int(rng.integers(5))]
    cloth = Cloth("plain", (frame,))
    lens: RGB = [(58, 56, 60), (92, 68, 52), (70, 92, 84), (84, 96, 126)][int(rng.integers(4))]
    cut = Accessory("eyewear", style, cloth, lens)
    return Garment("eyewear", "Sunglasses", style.title(), name, cloth, cut)


_CHOICES: dict[str, Callable[[np.random.Generator], Garment]] = {
    "top": _top,
    "blouse": _blouse,
    "t-shirts": _tshirt,
    "knitwear": _knitwear,
    "shirts": _shirt,
    "bratop": _bratop,
    "hoody": _hoody,
    "jean": _jean,
    "pants": _pants,
    "skirt": _skirt,
    "leggings": _leggings,
    "jogger pants": _joggers,
    "coat": _coat,
    "jacket": _jacket,
    "jumper": _jumper,
    "padded jacket": _padded,
    "vest": _vest,
    "cardigan": _cardigan,
    "zipup": _zipup,
    "dress": _dress,
    "jumpsuit": _jumpsuit,
    "shorts": _shorts,
    "shoes": _shoes,
    "bag": _bag,
    "hat": _hat,
    "scarf": _scarf,
    "eyewear": _eyewear,
}
