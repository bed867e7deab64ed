"""What operators call around a re-index: forecast, comparison and gate, switch, roll back."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from flask import abort
from pydantic import Field

from catalog import operations
from catalog.forecast import Forecast, Step, forecast_reindex
from catalog.search.gate import judge
from catalog.search.generations import building_generation
from catalog.search.side_by_side import MOST_ITEMS
from catalog.tables import ReindexKind, Work
from web import queries
from web.api import schemas
from web.api.blueprint import blueprint, requires
from web.comparisons import Shown, show_items
from web.present import generation_json, item_brief, job_json
from web.services import services, session


class ForecastQuery(schemas.In):
    kind: ReindexKind
    """What the new index would be built from."""
    segmenter: str | None = Field(default=None, max_length=operations.LONGEST_CHECKPOINT)
    """With `photos`: its id or its folder; the configured one without it."""
    embedder: str | None = Field(default=None, max_length=operations.LONGEST_CHECKPOINT)
    """With `crops` or `photos`: the same."""


class StepOut(schemas.Out):
    work: Work
    count: int
    per_second: float | None
    """null where it was never measured here."""
    measured_with: Literal["this checkpoint", "the present checkpoint"] | None
    measured_at: datetime | None
    seconds: float | None


class ForecastOut(schemas.Out):
    kind: ReindexKind
    segmenter: str | None
    embedder: str | None
    steps: list[StepOut]
    seconds: float | None


class ActivateQuery(schemas.In):
    anyway: str | None = Field(default=None, min_length=1, max_length=1000)
    """Why to switch although the gate does not hold; it goes into the job's log."""


class ComparisonQuery(schemas.In):
    limit: int = Field(default=12, ge=1, le=MOST_ITEMS)
    """How many items at most."""


class CheckOut(schemas.Out):
    question: str
    found: str
    passed: bool


class NeighbourOut(schemas.Out):
    item_id: int
    title: str | None
    garment_id: UUID
    score: float
    changed: bool


class ComparedOut(schemas.Out):
    item: schemas.ItemBrief
    views: int
    changed: float | None
    old: list[NeighbourOut]
    new: list[NeighbourOut]


class ComparisonOut(schemas.Out):
    collection: str
    holds: bool
    checks: list[CheckOut]
    compared_at: datetime | None
    report: dict[str, Any] | None
    items: list[ComparedOut]


@blueprint.get("/reindex/forecast")
@requires("admin")
@blueprint.input(ForecastQuery, location="query")
@blueprint.output(ForecastOut)
def forecast_of_reindex(query_data: ForecastQuery) -> dict[str, Any]:
    """What a re-index would do, and how long at the rates measured here; 409 without an index."""
    asked = query_data
    found = forecast_reindex(session(), asked.kind, asked.segmenter, asked.embedder)
    return _forecast_json(found)


@blueprint.post("/reindex")
@requires("admin")
@blueprint.input(schemas.ReindexIn)
@blueprint.output(schemas.JobOut, status_code=202)
def start_reindex(json_data: schemas.ReindexIn) -> dict[str, Any]:
    """Build a new index beside the present one; 409 while another is being built."""
    asked = json_data
    job = operations.start_reindex(
        *(session(), services().queue, asked.kind, asked.switch, asked.segmenter, asked.embedder),
        max_changed=asked.max_changed,
    )
    return job_json(job, {})


@blueprint.get("/reindex/comparison")
@requires("admin")
@blueprint.input(ComparisonQuery, location="query")
@blueprint.output(ComparisonOut)
def read_comparison(query_data: ComparisonQuery) -> dict[str, Any]:
    """The gate of the index that is being built, and what it finds for the most viewed items.

    404 when none is being built; null members while it is not full and nothing was compared.
    """
    return _comparison_json(query_data.limit)


@blueprint.post("/reindex/comparison")
@requires("admin")
@blueprint.input(ComparisonQuery, location="query")
@blueprint.output(ComparisonOut)
def compare_again(query_data: ComparisonQuery) -> dict[str, Any]:
    """Compare anew the index that waits; takes some seconds. 409 when none waits."""
    operations.compare_again(session(), services().index)
    return _comparison_json(query_data.limit)


@blueprint.post("/reindex/activate")
@requires("admin")
@blueprint.input(ActivateQuery, location="query")
@blueprint.output(schemas.GenerationOut)
def activate_generation(query_data: ActivateQuery) -> dict[str, Any]:
    """Switch to the index that waits; 409 if it is not complete.

    409 as well if the gate does not hold, unless `anyway` says why to switch nevertheless.
    """
    generation = operations.activate_building(
        session(), services().index, query_data.anyway, "the API"
    )
    return generation_json(generation, queries.count_behind(session()))


@blueprint.post("/reindex/rollback")
@requires("admin")
@blueprint.output(schemas.GenerationOut)
def roll_back_generation() -> dict[str, Any]:
    """Switch back to the index that was active before; 409 if there is none."""
    generation = operations.roll_back_generation(session(), services().index)
    return generation_json(generation, queries.count_behind(session()))


def _forecast_json(forecast: Forecast) -> dict[str, Any]:
    names = ("kind", "segmenter", "embedder", "seconds")
    fields = {name: getattr(forecast, name) for name in names}
    return fields | {"steps": [_step_json(step) for step in forecast.steps]}


def _step_json(step: Step) -> dict[str, Any]:
    rate = step.rate
    whose = "this checkpoint" if step.same_checkpoint else "the present checkpoint"
    return {
        "work": step.work,
        "count": step.count,
        "per_second": rate.per_second if rate else None,
        "measured_with": whose if rate else None,
        "measured_at": rate.measured_at if rate else None,
        "seconds": step.seconds,
    }


def _comparison_json(limit: int) -> dict[str, Any]:
    building = building_generation(session())
    if building is None:
        abort(404, "No index is being built.")
    gate = judge(session(), building)
    comparison = gate.comparison
    shown = show_items(session(), comparison, limit) if comparison else []
    return {
        "collection": building.collection,
        "holds": gate.holds,
        "checks": [
            {"question": each.question, "found": each.found, "passed": each.passed}
            for each in gate.checks
        ],
        "compared_at": comparison.compared_at if comparison else None,
        "report": comparison.report if comparison else None,
        "items": [_shown_json(each) for each in shown],
    }


def _shown_json(shown: Shown) -> dict[str, Any]:
    sides = {
        name: [
            {
                "item_id": hit.item_id,
                "title": hit.title,
                "garment_id": hit.garment_id,
                "score": hit.score,
                "changed": hit.changed,
            }
            for hit in getattr(shown, name)
        ]
        for name in ("old", "new")
    }
    return sides | {
        "item": item_brief(shown.item, shown.cover),
        "views": shown.views,
        "changed": shown.changed,
    }
