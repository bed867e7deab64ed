"""The shop's named colours and the fabrics it buys; garments draw from here."""

import numpy as np

from sample.pieces import RGB, Cloth, Material, Print, shaded

COLOURS: dict[str, RGB] = {
    "Ivory": (240, 233, 218),
    "Oat": (222, 208, 184),
    "Sand": (205, 182, 148),
    "Camel": (188, 142, 92),
    "Rust": (176, 86, 50),
    "Terracotta": (204, 112, 84),
    "Blush": (233, 190, 182),
    "Rose": (206, 128, 132),
    "Burgundy": (112, 34, 48),
    "Cherry": (188, 42, 52),
    "Mustard": (214, 164, 58),
    "Butter": (243, 222, 150),
    "Olive": (108, 110, 66),
    "Sage": (164, 180, 150),
    "Forest": (42, 84, 66),
    "Mint": (176, 214, 196),
    "Teal": (38, 116, 122),
    "Sky": (150, 192, 220),
    "Cobalt": (42, 84, 170),
    "Navy": (38, 48, 82),
    "Lavender": (186, 172, 214),
    "Plum": (96, 54, 92),
    "Chocolate": (92, 62, 48),
    "Taupe": (150, 134, 120),
    "Pearl Grey": (196, 196, 196),
    "Charcoal": (76, 78, 84),
    "Black": (44, 43, 46),
    "White": (246, 245, 241),
}
NEUTRALS = ("Ivory", "Oat", "Sand", "Camel", "Navy", "Charcoal", "Black", "White", "Pearl Grey",
            "Chocolate", "Taupe", "Olive")  # fmt: skip
DENIMS: dict[str, RGB] = {
    "Light Blue": (150, 178, 204),
    "Mid Blue": (92, 128, 170),
    "Indigo": (48, 66, 108),
    "Washed Black": (72, 74, 80),
    "Ecru": (226, 216, 196),
}
LEATHERS: dict[str, RGB] = {
    "Black": (46, 44, 46),
    "Cognac": (164, 94, 50),
    "Chocolate": (84, 54, 42),
    "Tan": (196, 150, 104),
    "Burgundy": (108, 36, 46),
    "Ivory": (234, 226, 210),
    "Forest": (44, 78, 64),
    "White": (242, 240, 235),
    "Blush": (226, 178, 168),
}

PRINT_WORDS: dict[str, str] = {
    "melange": "Melange",
    "stripes": "Striped",
    "breton": "Breton Stripe",
    "pinstripes": "Pinstripe",
    "gingham": "Gingham",
    "tartan": "Tartan",
    "windowpane": "Windowpane",
    "dots": "Polka Dot",
    "floral": "Floral",
    "camo": "Camouflage",
    "leopard": "Leopard",
    "argyle": "Argyle",
    "colour block": "Colour-Block",
}
MATERIAL_WORDS: dict[str, str] = {
    "jersey": "Cotton",
    "poplin": "Poplin",
    "knit": "Knit",
    "cable": "Cable Knit",
    "chunky": "Chunky Knit",
    "rib": "Ribbed",
    "denim": "Denim",
    "leather": "Leather",
    "quilt": "Quilted",
    "diamond": "Diamond Quilted",
    "wool": "Wool",
    "satin": "Satin",
    "corduroy": "Corduroy",
    "canvas": "Canvas",
    "straw": "Straw",
    "fleece": "Fleece",
    "plain": "",
}

_CAMOS: tuple[tuple[RGB, ...], ...] = (
    ((124, 126, 84), (84, 92, 58), (164, 148, 108), (58, 54, 44)),
    ((168, 168, 164), (120, 122, 122), (206, 206, 202), (78, 80, 82)),
    ((188, 164, 126), (150, 122, 84), (216, 200, 168), (112, 90, 64)),
)
_FLOWERS: tuple[RGB, ...] = (
    (226, 110, 110), (240, 186, 178), (244, 226, 190), (222, 148, 74), (148, 120, 188),
    (238, 202, 100), (200, 70, 90), (122, 160, 206),
)  # fmt: skip


def pick_colour(rng: np.random.Generator, neutral: float = 0.45) -> tuple[str, RGB]:
    """A colour of the shop with its name, neutral with the given chance."""
    names = NEUTRALS if rng.random() < neutral else tuple(COLOURS)
    name = str(rng.choice(names))
    return name, COLOURS[name]


def brightness(colour: RGB) -> float:
    """Perceived brightness, 0 to 255."""
    red, green, blue = colour
    return 0.3 * red + 0.59 * green + 0.11 * blue


def make_cloth(
    rng: np.random.Generator,
    materials: tuple[Material, ...],
    prints: tuple[Print, ...] = (),
    printed: float = 0.45,
    neutral: float = 0.45,
) -> tuple[str, Cloth]:
    """A fabric of one of the materials, printed with the given chance, and its colour's name."""
    material = materials[int(rng.integers(len(materials)))]
    seed = int(rng.integers(1 << 31))
    if material in ("denim", "leather"):
        shades = DENIMS if material == "denim" else LEATHERS
        name = str(rng.choice(tuple(shades)))
        return name, Cloth(material, (shades[name],), seed=seed)
    name, ground = pick_colour(rng, neutral)
    if not prints or rng.random() >= printed:
        return name, Cloth(material, (ground,), seed=seed)
    pattern = prints[int(rng.integers(len(prints)))]
    repeat = int(rng.integers(6, 15))
    name, colours = _print_colours(rng, pattern, name)
    return name, Cloth(material, colours, pattern, repeat, seed)


def _print_colours(
    rng: np.random.Generator, pattern: Print, name: str
) -> tuple[str, tuple[RGB, ...]]:
    """The print's colours, ground first, and the colour that the title names."""
    ground = COLOURS[name]
    light = COLOURS[str(rng.choice(("Ivory", "White", "Oat", "Butter")))]
    dark = COLOURS[str(rng.choice(("Navy", "Black", "Forest", "Burgundy", "Chocolate")))]
    opposite = light if brightness(ground) < 150 else dark
    if pattern == "camo":
        which = int(rng.integers(len(_CAMOS)))
        return ("Olive", "Grey", "Sand")[which], _CAMOS[which]
    if pattern == "leopard":
        return "Camel", ((206, 166, 112), (168, 116, 66), (62, 44, 36))
    if pattern == "melange":
        lighter = shaded(ground, 1.4) if brightness(ground) < 190 else shaded(ground, 0.78)
        return name, (ground, lighter)
    if pattern == "floral":
        picks = rng.choice(len(_FLOWERS), 2, replace=False)
        leaf = (92, 128, 92) if brightness(ground) > 110 else (132, 166, 124)
        petals = (_FLOWERS[picks[0]], _FLOWERS[picks[1]])
        return name, (ground, *petals, leaf, (250, 232, 176))
    if pattern in ("gingham", "windowpane", "breton") and rng.random() < 0.7:
        strong = ground if brightness(ground) < 185 else dark
        name = next(n for n, c in COLOURS.items() if c == strong)
        return name, (light, strong)
    accent = pick_colour(rng, 0.2)[1]
    return name, (ground, opposite, accent if pattern != "tartan" else light)


def one_of(rng: np.random.Generator, *values: str) -> str:
    """One of the values, all equally likely."""
    return values[int(rng.integers(len(values)))]


def nearly(rng: np.random.Generator, value: float, by: float = 0.06) -> float:
    """The value, off by at most the share `by`."""
    return float(value * rng.uniform(1 - by, 1 + by))


def lining_of(cloth: Cloth) -> Cloth:
    """What a garment of the cloth is lined with."""
    return Cloth("plain", (shaded(cloth.ground, 0.8),))


def trim_for(cloth: Cloth, rng: np.random.Generator) -> RGB:
    """Buttons and cords that show on the cloth."""
    dark = brightness(cloth.ground) < 120
    names = ("Ivory", "Sand", "Pearl Grey") if dark else ("Chocolate", "White", "Charcoal")
    return COLOURS[one_of(rng, *names)]
