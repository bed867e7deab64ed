"""A design: a category, a cut and a cloth. Chosen by `sample.designs`, drawn by `sample.views`."""

from dataclasses import dataclass

import numpy as np

from sample.accessories import make_accessory
from sample.blocks import Upper
from sample.lowers import Skirt, Trousers, make_skirt, make_trousers
from sample.palette import lining_of, nearly, trim_for
from sample.pieces import Accessory, Cloth, Figure, Piece
from sample.uppers import make_upper


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


def design_upper(
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
    near = nearly(rng, 1.0, 0.04)
    varied = {k: v * near if k in widths and isinstance(v, float) else v for k, v in cut.items()}
    trim = varied.pop("trim", trim_for(cloth, rng))
    pattern = Upper(cloth, lining_of(cloth), trim=trim, **varied)  # type: ignore[arg-type]
    return Garment(category, noun, fit, colour, cloth, pattern)
