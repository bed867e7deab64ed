"""How tops, shirts, knits and sweats are chosen; called by `sample.designs`."""

import numpy as np

from sample.cuts import Garment, design_upper
from sample.palette import (
    make_cloth,
    nearly,
    one_of,
)
from sample.pieces import Print

_TEE_PRINTS: tuple[Print, ...] = ("breton", "stripes", "melange", "colour block", "camo", "dots")
_SHIRT_PRINTS: tuple[Print, ...] = ("gingham", "tartan", "pinstripes", "windowpane", "dots")
_KNIT_PRINTS: tuple[Print, ...] = ("melange", "breton", "argyle", "stripes", "colour block")
_DRESS_PRINTS: tuple[Print, ...] = ("floral", "dots", "gingham", "floral", "leopard", "stripes")
_COAT_PRINTS: tuple[Print, ...] = ("melange", "windowpane", "tartan")


def choose_top(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(
        rng, ("jersey", "satin", "rib", "poplin"), ("stripes", "floral", "dots"), 0.4
    )
    if rng.random() < 0.6:
        return design_upper(
            "top",
            one_of(rng, "Camisole", "Tank Top"),
            "",
            colour,
            cloth,
            rng,
            neck="strap",
            neck_width=0.42,
            neck_depth=nearly(rng, 0.5),
            shoulder=0.47,
            chest=0.56,
            waist=0.5,
            hip=nearly(rng, 0.56),
            length=nearly(rng, 2.1, 0.1),
            sleeve=0.0,
        )
    return design_upper(
        "top",
        "Square-Neck Top",
        "",
        colour,
        cloth,
        rng,
        neck="square",
        neck_width=0.44,
        neck_depth=0.42,
        shoulder=0.64,
        chest=0.57,
        waist=0.48,
        hip=0.54,
        length=nearly(rng, 1.8, 0.1),
        sleeve=0.3,
        sleeve_width=0.19,
        cuff_width=0.15,
        puff=0.07,
        cuffed=False,
    )


def choose_blouse(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(
        rng, ("satin", "poplin"), ("floral", "dots", "leopard", "pinstripes"), 0.5
    )
    neck = one_of(rng, "bow", "v", "boat")
    return design_upper(
        "blouse",
        "Blouse",
        one_of(rng, "Puff-Sleeve", "Flowing", "Draped"),
        colour,
        cloth,
        rng,
        neck=neck,
        neck_width=0.3,
        neck_depth=0.5 if neck == "v" else 0.22,
        shoulder=0.7,
        chest=0.66,
        waist=0.56,
        hip=0.7,
        length=nearly(rng, 2.3),
        hem_drop=0.06,
        sleeve=float(rng.choice([0.55, 0.98])),
        sleeve_width=0.2,
        cuff_width=0.16,
        puff=nearly(rng, 0.15, 0.3),
        pleats=3,
    )


def choose_tshirt(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("jersey",), _TEE_PRINTS, 0.5)
    wide = float(rng.uniform(0.96, 1.16))
    neck = one_of(rng, "crew", "crew", "v", "scoop", "polo")
    noun = "Polo Shirt" if neck == "polo" else "T-Shirt"
    return design_upper(
        "t-shirts",
        noun,
        "Relaxed" if wide > 1.06 else one_of(rng, "Regular", "Slim"),
        colour,
        cloth,
        rng,
        neck=neck,
        neck_width=0.28,
        neck_depth={"crew": 0.2, "v": 0.46, "scoop": 0.4, "polo": 0.3}[neck],
        shoulder=0.76 * wide,
        chest=0.67 * wide,
        waist=0.62 * wide,
        hip=0.66 * wide,
        length=nearly(rng, 2.35),
        sleeve=float(rng.uniform(0.3, 0.44)),
        sleeve_width=0.24 * wide,
        cuff_width=0.23 * wide,
        closure="half" if neck == "polo" else "none",
        pocket=one_of(rng, "none", "none", "chest"),
        cuffed=False,
    )


def choose_knitwear(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("knit", "cable", "chunky", "rib"), _KNIT_PRINTS, 0.35)
    neck = one_of(rng, "crew", "turtle", "v")
    return design_upper(
        "knitwear",
        {"turtle": "Roll-Neck Sweater"}.get(neck, "Sweater"),
        one_of(rng, "Oversized", "Classic", "Boxy"),
        colour,
        cloth,
        rng,
        neck=neck,
        neck_width=0.28,
        neck_depth={"crew": 0.2, "turtle": 0.12, "v": 0.5}[neck],
        shoulder=0.8,
        chest=0.72,
        waist=0.68,
        hip=0.66,
        length=nearly(rng, 2.3),
        sleeve=0.93,
        sleeve_width=0.25,
        cuff_width=0.17,
        puff=0.05,
        rib=True,
    )


def choose_shirt(rng: np.random.Generator) -> Garment:
    material = ("denim",) if rng.random() < 0.15 else ("poplin", "corduroy", "poplin")
    colour, cloth = make_cloth(rng, material, _SHIRT_PRINTS, 0.55)  # type: ignore[arg-type]
    short = rng.random() < 0.25
    return design_upper(
        "shirts",
        "Shirt",
        one_of(rng, "Oxford", "Relaxed", "Slim", "Oversized"),
        colour,
        cloth,
        rng,
        neck="shirt",
        neck_width=0.24,
        neck_depth=0.2,
        shoulder=0.74,
        chest=0.67,
        waist=0.62,
        hip=0.66,
        length=nearly(rng, 2.5),
        hem_drop=0.14,
        sleeve=0.42 if short else 0.98,
        sleeve_width=0.22,
        cuff_width=0.21 if short else 0.14,
        closure="buttons",
        pocket=one_of(rng, "chest", "none"),
    )


def choose_bratop(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("rib", "jersey"), ("melange", "colour block"), 0.2)
    return design_upper(
        "bratop",
        one_of(rng, "Sports Bra", "Bra Top", "Bralette"),
        "",
        colour,
        cloth,
        rng,
        neck="strap",
        neck_width=nearly(rng, 0.36),
        neck_depth=nearly(rng, 0.58),
        shoulder=0.45,
        chest=0.55,
        waist=0.5,
        hip=0.51,
        length=nearly(rng, 1.22, 0.07),
        hem_drop=0.02,
        sleeve=0.0,
        rib=True,
    )


def choose_hoody(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("jersey", "fleece"), ("melange", "colour block", "camo"), 0.4)
    return design_upper(
        "hoody",
        "Hoodie",
        one_of(rng, "Oversized", "Relaxed", "Essential"),
        colour,
        cloth,
        rng,
        neck="hood",
        neck_width=0.32,
        neck_depth=0.34,
        shoulder=0.82,
        chest=0.74,
        waist=0.71,
        hip=0.68,
        length=nearly(rng, 2.35),
        sleeve=0.94,
        sleeve_width=0.26,
        cuff_width=0.19,
        puff=0.04,
        rib=True,
        pocket="kangaroo",
    )


def choose_zipup(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("jersey", "fleece", "rib"), ("melange", "colour block"), 0.35)
    hooded = rng.random() < 0.5
    return design_upper(
        "zipup",
        "Zip Hoodie" if hooded else "Zip-Up",
        one_of(rng, "Track", "Relaxed", "Essential"),
        colour,
        cloth,
        rng,
        neck="hood" if hooded else "stand",
        neck_width=0.3,
        neck_depth=0.34 if hooded else 0.14,
        shoulder=0.78,
        chest=0.7,
        waist=0.67,
        hip=0.65,
        length=nearly(rng, 2.3),
        sleeve=0.94,
        sleeve_width=0.24,
        cuff_width=0.18,
        rib=True,
        closure="zip",
        pocket="welt",
    )


def choose_cardigan(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("knit", "cable", "chunky", "rib"), _KNIT_PRINTS, 0.3)
    return design_upper(
        "cardigan",
        "Cardigan",
        one_of(rng, "Long", "Cropped", "Classic"),
        colour,
        cloth,
        rng,
        neck="v",
        neck_width=0.26,
        neck_depth=nearly(rng, 0.75),
        shoulder=0.76,
        chest=0.68,
        waist=0.65,
        hip=0.66,
        length=float(rng.choice([2.0, 2.45, 3.1])),
        sleeve=0.94,
        sleeve_width=0.23,
        cuff_width=0.17,
        rib=True,
        closure="buttons",
        open=bool(rng.random() < 0.5),
        pocket=one_of(rng, "none", "patch"),
    )
