"""Recipes: what network is trained and how, as TOML files with three tables.

Read by `lookalike train segmentation`. The files beside this module are chosen by name; each
setting can be overridden by one `table.key=value`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from catalog.errors import InputError
from models.segmentation.architecture import RESNETS, CascadeConfig, published_config
from models.segmentation.augment import AugmentOptions
from models.segmentation.trunks import pretrained_pixels

RECIPES = Path(__file__).parent / "recipes"
TABLES = ("architecture", "training", "augment")

T = TypeVar("T")
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
NotNegative = Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class TrainOptions:
    """How a network is trained; the defaults are the recipe of the shipped checkpoint.

    The budget is `minutes` of training (validation not counted) or `steps`. `batch_photos` is for
    all processes together. `frozen_stages` counts as `freeze_trunk` does, `rare_share` as
    `count_repeats` does.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    minutes: Positive | None = None
    steps: Count | None = None
    batch_photos: Count = 4
    optimiser: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Positive = 6e-4
    momentum: Share = 0.9
    trunk_rate_factor: NotNegative = 0.3
    weight_decay: NotNegative = 0.02
    schedule: Literal["cosine", "drops"] = "cosine"
    drop_at: tuple[Share, ...] = ()
    warmup_share: Share = 0.03
    final_rate_factor: Share = 0.02
    frozen_stages: Annotated[int, Field(ge=0, le=5)] = 3
    freeze_depthwise: bool = True
    average_decay: Share = 0.997
    max_gradient_norm: NotNegative = 5.0
    validations: Annotated[int, Field(ge=0)] = 6
    val_photos: Count = 150
    rare_share: Share = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


@dataclass(frozen=True)
class Recipe:
    """An architecture (its categories come from the data), training settings and augmentation."""

    name: str
    architecture: CascadeConfig
    training: TrainOptions
    augment: AugmentOptions = field(default_factory=AugmentOptions)

    def with_categories(self, categories: tuple[str, ...]) -> "Recipe":
        """The same recipe for the categories of the data."""
        return replace(self, architecture=replace(self.architecture, categories=categories))


def load_recipe(name: str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe by its name or path; `overrides` maps `table.key` to a value.

    Raises InputError for an unknown recipe or setting and for a value of the wrong kind, naming
    the file and the setting.
    """
    path = _find(name)
    tables = _read_tables(path)
    _override(tables, overrides or {}, path)
    recipe = Recipe(
        path.stem,
        _make_architecture(tables["architecture"], path),
        _make(TrainOptions, tables["training"], "training", path),
        _make(AugmentOptions, tables["augment"], "augment", path),
    )
    _check_ranges(recipe, path)
    return recipe


def read_override(text: str) -> tuple[str, Any]:
    """`training.learning_rate=1e-3` -> its key and its value, which is written as in TOML."""
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is no setting: write TABLE.KEY=VALUE")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()  # a word without its quotes


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix != ".toml" and (RECIPES / f"{name}.toml").exists():
        return RECIPES / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in RECIPES.glob("*.toml")))
        raise InputError(f"no recipe {name!r}: give {known} or the path of a TOML file")
    return path


def _read_tables(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a recipe in TOML: {error}") from error
    for table, values in content.items():
        if table not in TABLES or not isinstance(values, dict):
            raise InputError(f"{path}: {table!r} is not one of the tables {', '.join(TABLES)}")
    return {table: content.get(table, {}) for table in TABLES}


def _override(tables: dict[str, dict[str, Any]], overrides: Mapping[str, Any], path: Path) -> None:
    for name, value in overrides.items():
        table, _, key = name.partition(".")
        if table not in TABLES or not key:
            raise InputError(f"{name!r} is no setting: write one of {', '.join(TABLES)}, .KEY")
        if name in ("training.minutes", "training.steps"):
            tables[table].pop("minutes", None)
            tables[table].pop("steps", None)
        if name == "architecture.trunk" and value != tables[table].get("trunk"):
            for of_the_trunk in ("pixel_mean", "pixel_std", "channel_order", "stride_in_1x1"):
                tables[table].pop(of_the_trunk, None)
        tables[table][key] = value


def _make_architecture(values: Mapping[str, Any], path: Path) -> CascadeConfig:
    if "categories" in values:
        raise InputError(f"{path}: architecture.categories come from the data, not from a recipe")
    trunk = str(values.get("trunk", CascadeConfig.trunk))
    own: dict[str, Any]
    if trunk in RESNETS:
        published = published_config(trunk=trunk)
        names = ("channel_order", "pixel_mean", "pixel_std")
        own = {name: getattr(published, name) for name in names}
    else:
        mean, deviation = pretrained_pixels(trunk)
        own = {"channel_order": "RGB", "pixel_mean": mean, "pixel_std": deviation}
    return _make(CascadeConfig, own | dict(values), "architecture", path)


def _make(kind: type[T], values: Mapping[str, Any], table: str, path: Path) -> T:
    known = [entry.name for entry in fields(kind)]  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(known)):
        message = f"{path}: unknown settings {', '.join(f'{table}.{key}' for key in unknown)}"
        raise InputError(f"{message}; known are {', '.join(known)}")
    try:
        return TypeAdapter(kind).validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {table}.{key} = {first['input']!r}: {first['msg']}") from error


def _check_ranges(recipe: Recipe, path: Path) -> None:
    training, augment = recipe.training, recipe.augment
    if (training.minutes is None) == (training.steps is None):
        raise InputError(f"{path}: [training] needs exactly one of minutes and steps")
    for entry in fields(augment):
        if entry.name.endswith("_rate") and not 0 <= getattr(augment, entry.name) <= 1:
            raise InputError(f"{path}: augment.{entry.name} is a share, 0 to 1")
    if not 0 < augment.min_side_px <= augment.max_side_px <= augment.max_long_side_px:
        message = "augment.min_side_px, max_side_px and max_long_side_px must rise"
        raise InputError(f"{path}: {message}")
    if len(recipe.architecture.anchor_sizes) != 5:
        raise InputError(f"{path}: architecture.anchor_sizes needs five sizes, one for each level")
