"""Reads recipes: small TOML files that say how to train, with single settings overridden.

Called by `lookalike train embedding`. A section of the file is a group of settings.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from catalog.errors import InputError
from models.embedding.settings import Recipe

FOLDER = Path(__file__).parent / "recipes"


def list_recipes() -> list[str]:
    """The names of the recipes that come with the product."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """A recipe by name or by path of a TOML file, with overrides such as "losses.margin=0.2".

    Raises InputError, with the file and the setting, when one is unknown or can't be used.
    """
    path = FOLDER / f"{name}.toml" if name in list_recipes() else Path(name)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(list_recipes())
        raise InputError(f"no recipe {name!r}: there are {known}, or a .toml file") from error
    except ValueError as error:
        raise InputError(f"{path} is no TOML file: {error}") from error
    for text in overrides:
        _override(values, text)
    recipe: Recipe = _make(Recipe, values, path, "")
    return recipe


def _override(values: dict[str, Any], text: str) -> None:
    name, equals, word = text.partition("=")
    *sections, last = name.strip().split(".")
    if not equals or not last:
        raise InputError(f"{text!r}: an override is like losses.margin=0.2")
    for section in sections:
        values = values.setdefault(section, {})
    values[last] = _parse_value(word.strip())


def _parse_value(word: str) -> Any:
    """A TOML value; bare words are text, so that no shell needs nested quotes."""
    try:
        return tomllib.loads(f"value = {word}")["value"]
    except tomllib.TOMLDecodeError:
        return word


def _make(kind: Any, values: Mapping[str, Any], path: Path, prefix: str) -> Any:
    """A settings object from a TOML table; nested ones from its sections."""
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}
    given: dict[str, Any] = {}
    for name, value in values.items():
        where = f"{path}, {prefix}{name}"
        if name not in known:
            raise InputError(f"{where}: no such setting; there are {', '.join(sorted(known))}")
        if is_dataclass(hints[name]):
            if not isinstance(value, dict):
                raise InputError(f"{where} is a section, not a value")
            given[name] = _make(hints[name], value, path, f"{prefix}{name}.")
        else:
            given[name] = _fit(value, hints[name], where)
    try:
        return kind(**given)
    except ValueError as error:
        raise InputError(f"{path}, {prefix.rstrip('.') or 'recipe'}: {error}") from error


def _fit(value: Any, hint: Any, where: str) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    simple = hint if isinstance(hint, type) else None
    if simple in (int, float, bool, str) and type(value) is not simple:
        raise InputError(f"{where} needs {simple.__name__}, not {value!r}")
    if str(hint).startswith("tuple"):
        raise InputError(f"{where} needs a list, not {value!r}")
    return value
