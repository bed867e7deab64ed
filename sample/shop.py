"""The drawn shop's items: identity, words, price and photos. `draw_items` is the entry."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sample.cuts import Garment
from sample.designs import DRAWN_CATEGORIES, choose_garment
from sample.palette import MATERIAL_WORDS, PRINT_WORDS
from sample.views import DrawnPhoto, Worn, slot_of, slots_beside, take_photo

_BRANDS = (
    "Nordhaven",
    "Maison Lune",
    "Alder & Wren",
    "Kobalt Studio",
    "Otto Fields",
    "Serein",
    "Pale Harbour",
    "Juniper Row",
    "Halcyon Supply",
    "Mirabel",
    "Tidewater",
    "Solvei",
)

# What the shop's departments are called, and what an item there costs on average in euros.
_SHELVES: dict[str, tuple[str, float]] = {
    "top": ("Women > Tops", 29), "blouse": ("Women > Blouses", 49),
    "t-shirts": ("T-Shirts", 24), "knitwear": ("Knitwear > Sweaters", 69),
    "shirts": ("Shirts", 49), "bratop": ("Women > Sports > Bra Tops", 32),
    "hoody": ("Sweats > Hoodies", 59), "jean": ("Denim > Jeans", 79), "pants": ("Trousers", 65),
    "skirt": ("Women > Skirts", 55), "leggings": ("Women > Leggings", 35),
    "jogger pants": ("Sweats > Joggers", 49), "coat": ("Outerwear > Coats", 189),
    "jacket": ("Outerwear > Jackets", 129), "jumper": ("Outerwear > Bomber Jackets", 99),
    "padded jacket": ("Outerwear > Padded Jackets", 139), "vest": ("Vests", 45),
    "cardigan": ("Knitwear > Cardigans", 69), "zipup": ("Sweats > Zipup Hoodies", 65),
    "dress": ("Women > Dresses", 85), "jumpsuit": ("Women > Jumpsuits", 95),
    "shorts": ("Shorts", 39), "shoes": ("Accessories > Shoes", 99),
    "bag": ("Accessories > Bags", 79), "hat": ("Accessories > Hats", 29),
    "scarf": ("Accessories > Scarf", 35), "eyewear": ("Accessories > Sunglasses", 59),
}  # fmt: skip


@dataclass(frozen=True)
class DrawnItem:
    """One item of the drawn shop; its photos are drawn when they are asked for.

    `category` is the shop's own text, `garment.category` what was drawn.
    """

    sku: str
    title: str
    brand: str
    category: str
    price: str
    currency: str
    stock: int
    url: str
    description: str
    colour: str
    garment: Garment
    views: tuple[str, ...]
    seed: int
    index: int
    side_px: int = 512

    @property
    def photo_names(self) -> tuple[str, ...]:
        return tuple(f"{self.sku.lower()}-{view}.jpg" for view in self.views)

    def photos(self) -> Iterator[DrawnPhoto]:
        """Draw the item's photos, the front first."""
        outfit = _outfit(self.seed, self.index)
        for number, (name, view) in enumerate(zip(self.photo_names, self.views, strict=True)):
            rng = np.random.default_rng([self.seed, self.index, 100 + number])
            yield take_photo(name, view, outfit, self.side_px, rng)


def draw_items(count: int, seed: int, side_px: int = 512) -> Iterator[DrawnItem]:
    """The first `count` items of the shop that `seed` stands for.

    Item i depends on nothing but (seed, i), so a bigger shop extends a smaller one. Every run of
    27 items has each category once.
    """
    return (_make_item(seed, index, side_px) for index in range(count))


def _category(seed: int, index: int) -> str:
    number = len(DRAWN_CATEGORIES)
    order = np.random.default_rng([seed, index // number, 5]).permutation(number)
    return DRAWN_CATEGORIES[int(order[index % number])]


def _sku(index: int) -> str:
    return f"LK-{index + 1:05d}"


@lru_cache(maxsize=512)
def _garment(seed: int, index: int) -> Garment:
    return choose_garment(_category(seed, index), np.random.default_rng([seed, index]))


def _outfit(seed: int, index: int) -> list[Worn]:
    """The item's garment, then what it is worn with in its photos.

    Companions are earlier items of the shop where one fits; otherwise a stylist's own piece,
    whose sku is the item's with the slot appended.
    """
    rng = np.random.default_rng([seed, index, 9])
    main = _garment(seed, index)
    beside = [_companion(seed, index, slot, main, rng) for slot in slots_beside(main, rng)]
    return [Worn(_sku(index), main), *beside]


def _companion(seed: int, index: int, slot: str, main: Garment, rng: np.random.Generator) -> Worn:
    nearby = range(max(0, index - len(DRAWN_CATEGORIES)), index)
    fitting = [i for i in nearby if slot_of(_category(seed, i)) == slot]
    printed = main.cloth.print != "solid"
    calm = [i for i in fitting if not printed or _garment(seed, i).cloth.print == "solid"]
    if calm and rng.random() < 0.7:
        chosen = int(rng.choice(calm))
        return Worn(_sku(chosen), _garment(seed, chosen))
    categories = [c for c in DRAWN_CATEGORIES if slot_of(c) == slot]
    category = categories[int(rng.integers(len(categories)))]
    return Worn(f"{_sku(index)}+{slot}", choose_garment(category, rng))


def _views(rng: np.random.Generator) -> tuple[str, ...]:
    """Between one and four views, the front first."""
    others = ["worn", "floor", "back", "detail"]
    weights = np.array([0.4, 0.25, 0.2, 0.15])
    count = int(rng.choice(4, p=[0.08, 0.22, 0.35, 0.35]))
    chosen = rng.choice(4, count, replace=False, p=weights)
    return ("front", *(others[i] for i in chosen))


def _make_item(seed: int, index: int, side_px: int) -> DrawnItem:
    rng = np.random.default_rng([seed, index, 3])
    garment = _garment(seed, index)
    shelf, euros = _SHELVES[garment.category]
    sku = _sku(index)
    title = _title(garment)
    price = max(9, round(euros * float(np.exp(rng.normal(0, 0.22))))) - 0.05
    return DrawnItem(
        sku=sku,
        title=title,
        brand=str(rng.choice(_BRANDS)),
        category=shelf,
        price=f"{price:.2f}",
        currency="EUR",
        stock=int(rng.integers(0, 60)),
        url=f"https://shop.example/items/{sku.lower()}",
        description=_description(garment, rng),
        colour=garment.colour,
        garment=garment,
        views=_views(rng),
        seed=seed,
        index=index,
        side_px=side_px,
    )


def _title(garment: Garment) -> str:
    words = [garment.fit, PRINT_WORDS.get(garment.cloth.print, ""), _material(garment)]
    kept = [w for w in words if w and w.split()[0] not in garment.noun]
    return f"{' '.join([*kept, garment.noun])}, {garment.colour}"


def _material(garment: Garment) -> str:
    word = MATERIAL_WORDS[garment.cloth.material]
    return "" if garment.category in ("jean", "eyewear") else word


_SENTENCES = (
    "Cut for every day and made to last.",
    "A quiet favourite of the season.",
    "Easy to combine, easy to care for.",
    "Made in small runs by people we know.",
    "Designed to be worn for years.",
    "Soft to the touch, true to size.",
)


def _description(garment: Garment, rng: np.random.Generator) -> str:
    material = _material(garment).lower()
    pattern = PRINT_WORDS.get(garment.cloth.print, "plain").lower()
    what = f"{garment.noun} in {pattern} {material}".strip()
    return f"{what}, colour {garment.colour.lower()}. {rng.choice(_SENTENCES)}"
