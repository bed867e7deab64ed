"""Writes an evaluation down: metrics.json, metrics.md, pictures and one page for a browser.

Called by `lookalike evaluate embedding`. The page needs no network and no other file.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.embedding.evaluate import VOTE
from models.embedding.pictures import Example, write_sheet

_TEMPLATES = Path(__file__).parent / "templates"
COLUMNS = ("recall@1", "recall@2", "recall@4", "recall@8", "recall@10", "map@r")


@dataclass(frozen=True)
class Grid:
    """A table for the eye: a title, a line on what it says, headings and rows of text."""

    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Gallery:
    """Pictures under one heading."""

    title: str
    hits: Sequence[Example]
    misses: Sequence[Example]


def make_grids(metrics: Mapping[str, Any]) -> list[Grid]:
    """All tables of an evaluation, the most looked at first."""
    grids = [_overall(metrics)]
    if "vote" in metrics:
        grids.append(_votes(metrics["vote"]))
    if "combinations" in metrics:
        grids.append(_combinations(metrics["combinations"]))
    for name, group in (("items", "category"), ("categories", "category"), ("kinds", "kind")):
        rows = metrics.get(name, {}).get(f"by_{group}", {})
        if rows:
            note = f"queries of each {group}; those with fewer than five are left out"
            grids.append(_grid(f"{name.capitalize()}, by {group}", note, group, rows))
    return grids


def _overall(metrics: Mapping[str, Any]) -> Grid:
    rows = {name: metrics[name] for name in ("items", "categories", "kinds") if name in metrics}
    rows |= {f"items, {view} photos": table for view, table in metrics.get("by_view", {}).items()}
    note = (
        f"{metrics['found']} of {metrics['garments']} garments were found; a query counts where "
        "there is something to find, and is wrong where nothing was found"
    )
    return _grid("What is found", note, "searched for", rows)


def _grid(title: str, note: str, first: str, rows: Mapping[str, Mapping[str, Any]]) -> Grid:
    lines = tuple(
        (name, str(table["queries"]), *(_cell(table, column) for column in COLUMNS))
        for name, table in rows.items()
    )
    return Grid(title, note, (first, "queries", *COLUMNS), lines)


def _cell(table: Mapping[str, Any], column: str) -> str:
    if column not in table:
        return "–"
    low, high = table["intervals"][column]
    return f"{table[column]:.3f} [{low:.3f}, {high:.3f}]"


def _votes(table: Mapping[str, Any]) -> Grid:
    rows = {"all": table, **table["by_kind"]}
    lines = tuple((name, str(row["queries"]), _cell(row, VOTE)) for name, row in rows.items())
    note = f"the five nearest of {table['neighbours']} neighbours name the kind"
    return Grid("Vote of the five nearest", note, ("kind", "queries", "right"), lines)


def _combinations(rows: Sequence[Mapping[str, Any]]) -> Grid:
    lines = tuple(
        (
            row["descriptors"],
            row["weights"],
            str(row["dimensions"]),
            *(_cell(row, column) for column in ("recall@1", "recall@10", "map@r")),
            *(f"{table['recall@1']:.3f}" for table in row.get("by_view", {}).values()),
        )
        for row in rows
    )
    views = tuple(f"{view} R@1" for view in rows[0].get("by_view", {})) if rows else ()
    note = (
        "heads of a part of the descriptors were trained together with the others; a combination "
        "trained by itself is a checkpoint of its own"
    )
    head = ("descriptors", "weights", "dimensions", "recall@1", "recall@10", "map@r", *views)
    return Grid("Combinations of descriptors", note, head, lines)


def write_report(
    metrics: Mapping[str, Any], galleries: Sequence[Gallery], out: Path, title: str
) -> Path:
    """Write everything into `out` and return the page."""
    out.mkdir(parents=True, exist_ok=True)
    grids = make_grids(metrics)
    (out / "metrics.json").write_text(
        json.dumps(metrics, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (out / "metrics.md").write_text(as_markdown(title, metrics, grids), encoding="utf-8")
    write_sheet([e for gallery in galleries for e in gallery.hits], out / "hits.jpg")
    write_sheet([e for gallery in galleries for e in gallery.misses], out / "misses.jpg")
    page = out / "index.html"
    page.write_text(_render(title, metrics, grids, galleries), encoding="utf-8")
    return page


def as_markdown(title: str, metrics: Mapping[str, Any], grids: Sequence[Grid]) -> str:
    parts = [f"# {title}\n", f"`{metrics.get('command', '')}`\n"]
    for grid in grids:
        lines = [f"## {grid.title}\n", f"{grid.note}\n", _line(grid.head)]
        lines.append(_line(["---"] * len(grid.head)))
        parts.append("\n".join([*lines, *map(_line, grid.rows)]) + "\n")
    return "\n".join(parts)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _render(
    title: str, metrics: Mapping[str, Any], grids: Sequence[Grid], galleries: Sequence[Gallery]
) -> str:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["data_uri"] = lambda jpeg: (
        "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
    )
    template = environment.get_template("evaluation.html")
    return template.render(title=title, metrics=metrics, grids=grids, galleries=galleries)
