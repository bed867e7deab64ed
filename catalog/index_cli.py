"""Measures the vector index that serves: `lookalike evaluate index`.

Loaded by `lookalike` when the command is called.
"""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from catalog.search.recall import IndexRecall, measure_index_recall
from catalog.services import make_services
from catalog.settings import load_settings

_SHOWN = 10


@click.command()
@click.option("--queries", default=200, show_default=True, help="How many garments ask.")
@click.option("--nearest", "k", default=10, show_default=True, help="How many neighbours count.")
@click.option("--seed", default=0, show_default=True, help="Chooses the garments.")
@click.option("--minimum", default=0.99, show_default=True, help="Below it the command fails.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A JSON file.")
def evaluate_index(queries: int, k: int, seed: int, minimum: float, out: Path | None) -> None:
    """Measure how many of a garment's true neighbours the serving index finds.

    The reference is an exact search over the vectors in Postgres.
    """
    services = make_services(load_settings())
    try:
        with services.sessions() as session:
            recall = measure_index_recall(session, services.index, queries, k, seed)
    finally:
        services.close()
    _print(recall)
    if out is not None:
        out.write_text(json.dumps(_as_json(recall, seed), indent=2) + "\n")
    if recall.worst < minimum:
        click.echo(
            f"Recall is below {minimum}: `lookalike check --repair` mends points that are missing "
            "or changed; what stays is the index's own loss, see docs/operating.md.",
            err=True,
        )
        raise SystemExit(1)


def _print(recall: IndexRecall) -> None:
    title = f"{recall.collection}: {recall.queries:,} of {recall.garments:,} garments asked"
    k = recall.k
    table = Table(
        "filter", "recall@1", f"recall@{k}", "score off by at most", "missed", title=title
    )
    for kind, one in recall.kinds.items():
        misses = [f"{id_}: {count}" for id_, count in list(one.missed.items())[:_SHOWN]]
        if len(one.missed) > _SHOWN:
            misses.append(f"... and {len(one.missed) - _SHOWN} more")
        figures = (f"{one.at_1:.4f}", f"{one.at_k:.4f}", f"{one.score_error:.1e}")
        table.add_row(kind, *figures, "\n".join(misses))
    Console().print(table)


def _as_json(recall: IndexRecall, seed: int) -> dict[str, object]:
    kinds = {
        kind: {
            "recall@1": one.at_1,
            f"recall@{recall.k}": one.at_k,
            "score_error": one.score_error,
            "missed": {str(id_): count for id_, count in one.missed.items()},
        }
        for kind, one in recall.kinds.items()
    }
    return {
        "collection": recall.collection,
        "garments": recall.garments,
        "queries": recall.queries,
        "seed": seed,
        "filters": kinds,
    }


COMMANDS: dict[str, click.Command] = {"evaluate index": evaluate_index}
