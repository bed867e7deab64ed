"""How trousers, skirts and accessories are chosen; called by `sample.designs`."""

import numpy as np

from sample.cuts import Garment
from sample.lowers import Skirt, Trousers
from sample.palette import (
    COLOURS,
    LEATHERS,
    brightness,
    make_cloth,
    nearly,
    one_of,
    pick_colour,
    trim_for,
)
from sample.pieces import RGB, Accessory, Cloth, Material, Print


def _trousers(
    category: str, noun: str, fit: str, colour: str, cloth: Cloth, **cut: object
) -> Garment:
    return Garment(category, noun, fit, colour, cloth, Trousers(cloth, **cut))  # type: ignore[arg-type]


def choose_jean(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("denim",))
    fit = one_of(rng, "Slim", "Straight", "Wide-Leg", "Flared")
    knee, ankle = {
        "Slim": (0.22, 0.16),
        "Straight": (0.26, 0.25),
        "Wide-Leg": (0.32, 0.36),
        "Flared": (0.22, 0.36),
    }[fit]
    return _trousers(
        "jean",
        "Jeans",
        fit,
        colour,
        cloth,
        rise=nearly(rng, 1.7, 0.04),
        knee=knee,
        ankle=ankle,
        length=nearly(rng, 0.97, 0.05),
        finish="jeans",
        pocket="jeans",
        cuff=one_of(rng, "none", "none", "turnup"),
    )


def choose_pants(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(
        rng, ("poplin", "wool", "corduroy", "canvas"), ("pinstripes", "tartan", "windowpane"), 0.3
    )
    fit = one_of(rng, "Tapered", "Straight", "Wide-Leg", "Pleated")
    knee, ankle = {
        "Tapered": (0.25, 0.17),
        "Straight": (0.26, 0.24),
        "Wide-Leg": (0.34, 0.4),
        "Pleated": (0.28, 0.22),
    }[fit]
    belt = LEATHERS[one_of(rng, "Black", "Cognac")] if rng.random() < 0.3 else None
    return _trousers(
        "pants",
        one_of(rng, "Trousers", "Chinos", "Pants"),
        fit,
        colour,
        cloth,
        rise=nearly(rng, 1.62, 0.03),
        knee=knee,
        ankle=ankle,
        length=nearly(rng, 0.97, 0.05),
        belt=belt,
        crease=bool(rng.random() < 0.6),
        pocket=one_of(rng, "slant", "slant", "cargo"),
        trim=trim_for(cloth, rng),
    )


def choose_leggings(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("jersey", "rib"), ("melange", "camo", "leopard"), 0.25)
    return _trousers(
        "leggings",
        "Leggings",
        one_of(rng, "High-Rise", "Sculpting", "7/8"),
        colour,
        cloth,
        rise=1.55,
        waist=0.43,
        hip=0.585,
        thigh=0.272,
        knee=0.195,
        ankle=0.125,
        length=nearly(rng, 0.93, 0.06),
        finish="plain",
        pocket="none",
    )


def choose_joggers(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(rng, ("jersey", "fleece"), ("melange", "camo"), 0.4)
    stripe = COLOURS["White"] if rng.random() < 0.3 and brightness(cloth.ground) < 170 else None
    return _trousers(
        "jogger pants",
        one_of(rng, "Joggers", "Sweatpants"),
        one_of(rng, "Relaxed", "Essential"),
        colour,
        cloth,
        rise=1.66,
        hip=0.66,
        thigh=0.34,
        knee=0.3,
        ankle=0.23,
        length=0.9,
        finish="drawstring",
        cuff="rib",
        side_stripe=stripe,
        trim=trim_for(cloth, rng),
    )


def choose_shorts(rng: np.random.Generator) -> Garment:
    material = one_of(rng, "denim", "poplin", "jersey", "canvas")
    colour, cloth = make_cloth(rng, (material,), ("floral", "stripes", "gingham", "camo"), 0.35)  # type: ignore[arg-type]
    denim, soft = material == "denim", material == "jersey"
    length = float(rng.uniform(0.07, 0.28))
    return _trousers(
        "shorts",
        "Shorts",
        one_of(rng, "Bermuda", "Tailored", "Relaxed"),
        colour,
        cloth,
        rise=1.66,
        ankle=0.34 - 0.3 * length,
        length=length,
        finish="jeans" if denim else "drawstring" if soft else "band",
        pocket="jeans" if denim else "slant",
        trim=trim_for(cloth, rng),
        cuff=one_of(rng, "none", "turnup") if not soft else "none",
    )


def choose_skirt(rng: np.random.Generator) -> Garment:
    fit = one_of(rng, "Pleated", "Pencil", "A-Line", "Wrap", "Tiered", "Denim")
    materials: tuple[Material, ...] = ("satin", "poplin", "wool")
    if fit in ("Denim", "Pencil"):
        materials = ("denim",) if fit == "Denim" else ("wool", "leather", "corduroy")
    prints: tuple[Print, ...] = ("tartan", "floral", "dots", "gingham", "leopard")
    colour, cloth = make_cloth(rng, materials, prints, 0.5, 0.35)
    hem = {
        "Pleated": 1.0,
        "Pencil": 0.56,
        "A-Line": 0.95,
        "Wrap": 0.85,
        "Tiered": 1.15,
        "Denim": 0.74,
    }[fit]
    length = float(rng.choice([3.1, 3.9, 4.9])) if fit != "Pencil" else 4.2
    cut = Skirt(
        cloth,
        hem=nearly(rng, hem) * (0.9 if length < 3.5 else 1.0),
        length=nearly(rng, length),
        pleats=9 if fit == "Pleated" else 0,
        tiers=2 if fit == "Tiered" else 0,
        wrap=fit == "Wrap",
        buttons=fit in ("A-Line", "Denim") and bool(rng.random() < 0.5),
        jeans=fit == "Denim",
        trim=trim_for(cloth, rng),
    )
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


def choose_shoes(rng: np.random.Generator) -> Garment:
    style = one_of(rng, "sneaker", "sneaker", "boot", "heel", "loafer", "sandal")
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


def choose_bag(rng: np.random.Generator) -> Garment:
    style = one_of(rng, "tote", "shopper", "satchel", "crossbody", "backpack", "clutch")
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


def choose_hat(rng: np.random.Generator) -> Garment:
    style = one_of(rng, "cap", "beanie", "bucket", "fedora")
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


def choose_scarf(rng: np.random.Generator) -> Garment:
    colour, cloth = make_cloth(
        rng, ("wool", "knit", "satin"), ("tartan", "stripes", "dots", "floral", "windowpane"), 0.65
    )
    return _accessory(
        "scarf",
        "Scarf",
        one_of(rng, "Soft", "Fringed", "Long"),
        colour,
        cloth,
        rng,
        "loop",
        nearly(rng, 1.0, 0.12),
    )


def choose_eyewear(rng: np.random.Generator) -> Garment:
    style = one_of(rng, "round", "square", "cat eye", "aviator")
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
