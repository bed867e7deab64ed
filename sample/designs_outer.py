"""How outerwear, vests, dresses and jumpsuits are chosen; called by `sample.designs`."""

import numpy as np

from sample.blocks import Upper
from sample.cuts import Garment, Jumpsuit, design_upper
from sample.lowers import Trousers
from sample.palette import (
    lining_of,
    make_cloth,
    nearly,
    one_of,
    trim_for,
)
from sample.pieces import Print, shaded

_TEE_PRINTS: tuple[Print, ...] = ("breton", "stripes", "melange", "colour block", "camo", "dots")
_SHIRT_PRINTS: tuple[Print, ...] = ("gingham", "tartan", "pinstripes", "windowpane", "dots")
_KNIT_PRINTS: tuple[Print, ...] = ("melange", "breton", "argyle", "stripes", "colour block")
_DRESS_PRINTS: tuple[Print, ...] = ("floral", "dots", "gingham", "floral", "leopard", "stripes")
_COAT_PRINTS: tuple[Print, ...] = ("melange", "windowpane", "tartan")


def choose_coat(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("wool", "canvas", "wool"), _COAT_PRINTS, 0.35)
    double = rng.random() < 0.4
    return design_upper(
        "coat",
        one_of(rng, "Overcoat", "Trench Coat", "Wool Coat"),
        one_of(rng, "Long", "Tailored", "Oversized"),
        colour,
        cloth,
        rng,
        neck=one_of(rng, "lapel", "lapel", "shawl"),
        neck_width=0.27,
        neck_depth=nearly(rng, 0.85),
        shoulder=0.8,
        chest=0.72,
        waist=0.66,
        hip=0.76,
        flare=nearly(rng, 0.1, 0.5),
        length=nearly(rng, 4.3, 0.08),
        sleeve=0.98,
        sleeve_width=0.26,
        cuff_width=0.22,
        closure="double" if double else "buttons",
        open=bool(not double and rng.random() < 0.5),
        pocket=one_of(rng, "flap", "welt"),
        trim=shaded(cloth.ground, 0.5),
    )


def choose_jacket(rng: np.random.Generator) -> Garment:
    style = one_of(rng, "Denim Jacket", "Blazer", "Biker Jacket")
    if style == "Blazer":
        colour, cloth = make_cloth(
            rng, ("wool", "corduroy"), ("pinstripes", "windowpane", "tartan"), 0.5
        )
        return design_upper(
            "jacket",
            style,
            one_of(rng, "Tailored", "Relaxed"),
            colour,
            cloth,
            rng,
            neck="lapel",
            neck_width=0.26,
            neck_depth=nearly(rng, 1.05),
            shoulder=0.78,
            chest=0.69,
            waist=0.6,
            hip=0.7,
            length=nearly(rng, 2.75),
            sleeve=0.97,
            sleeve_width=0.24,
            cuff_width=0.19,
            closure=one_of(rng, "buttons", "double"),
            open=bool(rng.random() < 0.35),
            pocket="flap",
            trim=shaded(cloth.ground, 0.5),
        )
    denim = style == "Denim Jacket"
    colour, cloth = make_cloth(rng, ("denim",) if denim else ("leather",))
    return design_upper(
        "jacket",
        style,
        one_of(rng, "Cropped", "Classic"),
        colour,
        cloth,
        rng,
        neck="shirt" if denim else "lapel",
        neck_width=0.27,
        neck_depth=0.2 if denim else 0.6,
        shoulder=0.77,
        chest=0.7,
        waist=0.62,
        hip=0.62,
        length=nearly(rng, 2.0),
        sleeve=0.96,
        sleeve_width=0.24,
        cuff_width=0.17,
        closure="buttons" if denim else "zip",
        open=bool(rng.random() < 0.3),
        pocket="chest" if denim else "welt",
        trim=(196, 150, 96),
    )


def choose_jumper(rng: np.random.Generator) -> Garment:
    """K-Fashion's 점퍼: a blouson such as a bomber or a windbreaker."""
    colour, cloth = make_cloth(rng, ("satin", "canvas", "poplin"), ("camo", "colour block"), 0.3)
    return design_upper(
        "jumper",
        one_of(rng, "Bomber Jacket", "Blouson", "Windbreaker"),
        one_of(rng, "Light", "Classic"),
        colour,
        cloth,
        rng,
        neck="stand",
        neck_width=0.29,
        neck_depth=0.14,
        shoulder=0.82,
        chest=0.76,
        waist=0.75,
        hip=0.66,
        length=nearly(rng, 2.15),
        sleeve=0.93,
        sleeve_width=0.27,
        cuff_width=0.19,
        puff=0.07,
        rib=True,
        closure="zip",
        pocket="welt",
    )


def choose_padded(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("quilt", "quilt", "diamond"))
    hooded = rng.random() < 0.4
    return design_upper(
        "padded jacket",
        "Puffer Jacket",
        one_of(rng, "Down", "Padded", "Cropped"),
        colour,
        cloth,
        rng,
        neck="hood" if hooded else "stand",
        neck_width=0.31,
        neck_depth=0.3 if hooded else 0.12,
        shoulder=0.86,
        chest=0.82,
        waist=0.8,
        hip=0.77,
        length=nearly(rng, 2.4, 0.12),
        sleeve=0.95,
        sleeve_width=0.31,
        cuff_width=0.23,
        puff=0.05,
        closure="zip",
        pocket="welt",
    )


def choose_vest(rng: np.random.Generator) -> Garment:
    style = one_of(rng, "Knit Vest", "Waistcoat", "Padded Gilet")
    shared = {"sleeve": 0.0, "neck_width": 0.3}
    if style == "Knit Vest":
        colour, cloth = make_cloth(rng, ("knit", "cable"), ("argyle", "melange", "breton"), 0.5)
        return design_upper(
            "vest",
            style,
            "",
            colour,
            cloth,
            rng,
            neck="v",
            neck_depth=0.72,
            shoulder=0.66,
            chest=0.66,
            waist=0.62,
            hip=0.62,
            length=2.15,
            rib=True,
            **shared,
        )
    if style == "Waistcoat":
        colour, cloth = make_cloth(rng, ("wool",), ("pinstripes", "windowpane", "tartan"), 0.5)
        return design_upper(
            "vest",
            style,
            "Tailored",
            colour,
            cloth,
            rng,
            neck="v",
            neck_depth=0.95,
            shoulder=0.62,
            chest=0.62,
            waist=0.53,
            hip=0.58,
            length=2.0,
            hem_drop=0.2,
            closure="buttons",
            pocket="welt",
            **shared,
        )
    colour, cloth = make_cloth(rng, ("quilt", "diamond"))
    return design_upper(
        "vest",
        style,
        "",
        colour,
        cloth,
        rng,
        neck="stand",
        neck_depth=0.12,
        shoulder=0.74,
        chest=0.76,
        waist=0.74,
        hip=0.72,
        length=2.25,
        closure="zip",
        pocket="welt",
        **shared,
    )


def choose_dress(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("satin", "poplin", "jersey", "rib"), _DRESS_PRINTS, 0.6, 0.3)
    style = one_of(rng, "Slip Dress", "Midi Dress", "Shirt Dress", "Mini Dress", "Maxi Dress")
    if style == "Slip Dress":
        return design_upper(
            "dress",
            style,
            "",
            colour,
            cloth,
            rng,
            neck="strap",
            neck_width=0.4,
            neck_depth=0.55,
            shoulder=0.46,
            chest=0.56,
            waist=0.5,
            hip=0.62,
            flare=0.12,
            length=nearly(rng, 4.3),
            sleeve=0.0,
        )
    if style == "Shirt Dress":
        return design_upper(
            "dress",
            style,
            "Belted",
            colour,
            cloth,
            rng,
            neck="shirt",
            neck_width=0.24,
            neck_depth=0.22,
            shoulder=0.72,
            chest=0.64,
            waist=0.5,
            hip=0.66,
            flare=0.25,
            length=nearly(rng, 4.0),
            sleeve=float(rng.choice([0.42, 0.97])),
            sleeve_width=0.2,
            cuff_width=0.16,
            closure="buttons",
            seam_at_waist=True,
        )
    length = {"Midi Dress": 4.4, "Mini Dress": 3.4, "Maxi Dress": 5.7}[style]
    sleeve = float(rng.choice([0.0, 0.3, 0.55, 0.95]))
    return design_upper(
        "dress",
        style,
        one_of(rng, "Tiered", "Fit-and-Flare", "Wrap"),
        colour,
        cloth,
        rng,
        neck=one_of(rng, "v", "crew", "square", "boat"),
        neck_width=0.34,
        neck_depth=nearly(rng, 0.42),
        shoulder=0.66,
        chest=0.6,
        waist=0.48,
        hip=0.68,
        flare=nearly(rng, 0.42, 0.4),
        length=nearly(rng, length),
        sleeve=sleeve,
        sleeve_width=0.19,
        cuff_width=0.16,
        puff=float(rng.choice([0.0, 0.1])),
        seam_at_waist=True,
        tiers=int(rng.integers(0, 3)),
        cuffed=False,
    )


def choose_jumpsuit(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(
        rng, ("poplin", "canvas", "denim", "satin"), ("pinstripes", "floral"), 0.25
    )
    work = rng.random() < 0.5
    sleeve = float(rng.choice([0.4, 0.96])) if work else 0.0
    bodice = Upper(
        cloth,
        lining_of(cloth),
        neck="shirt" if work else "v",
        neck_width=0.26,
        neck_depth=0.22 if work else 0.6,
        shoulder=0.7 if work else 0.6,
        chest=0.62,
        waist=0.5,
        hip=0.5,
        length=1.68,
        hem_drop=0.03,
        sleeve=sleeve,
        sleeve_width=0.21,
        cuff_width=0.19,
        closure="buttons" if work else "none",
        pocket="chest" if work else "none",
        trim=trim_for(cloth, rng),
    )
    legs = Trousers(
        cloth,
        rise=1.66,
        waist=0.5,
        hip=0.66,
        thigh=0.33,
        knee=nearly(rng, 0.29),
        ankle=nearly(rng, 0.3, 0.2),
        length=nearly(rng, 0.95),
        belt=shaded(cloth.ground, 0.6),
    )
    noun = one_of(rng, "Boiler Suit", "Utility Jumpsuit") if work else "Wide-Leg Jumpsuit"
    return Garment("jumpsuit", noun, "", colour, cloth, Jumpsuit(bodice, legs))
