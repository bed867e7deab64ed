"""What must be true on real photos: three catalogs in one running stack, and what is found there.

Slow, and only where LOOKALIKE_DATA names the folder with the photos.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog.search.generations import active_generation
from catalog.search.points import ANYTHING, Filters, Hit
from catalog.services import Services
from catalog.tables import (
    Catalog,
    Embedding,
    Garment,
    Generation,
    Item,
    ItemPhoto,
    Photo,
    PhotoState,
    Role,
)
from tests.whole import real_feeds
from tests.whole.real_feeds import RealCatalog
from tests.whole.running import Running, running_stack, wait_for

DATA = os.environ.get("LOOKALIKE_DATA")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not DATA, reason="LOOKALIKE_DATA names no folder with real photos"),
]

INGEST_TIMEOUT_S = 2700
NEIGHBOURS = 10
TIE = 1e-5


@dataclass(frozen=True)
class Ingested:
    """The running stack with the three catalogs in it, all photos seen."""

    stack: Running
    catalogs: dict[str, RealCatalog]
    services: Services
    generation: Generation

    def garments_by_sku(self, catalog: str) -> dict[str, list[Garment]]:
        """The garments of the active segmenter in each item's photos; [] where there is none."""
        with self.services.sessions() as session:
            pairs = session.execute(
                select(Item.sku, Garment)
                .join(Catalog, Catalog.id == Item.catalog_id)
                .join(ItemPhoto, ItemPhoto.item_id == Item.id)
                .outerjoin(
                    Garment,
                    (Garment.photo_id == ItemPhoto.photo_id)
                    & (Garment.segmenter == self.generation.segmenter),
                )
                .where(Catalog.name == catalog)
            ).all()
        found: dict[str, list[Garment]] = {}
        for sku, garment in pairs:
            found.setdefault(sku, []).extend([garment] if garment is not None else [])
        return found

    def neighbours(self, vector: Any, filters: Filters = ANYTHING) -> list[Hit]:
        """The nearest garments and, first, the one whose vector it is."""
        return self.services.index.query(
            self.generation.collection, vector, filters, limit=NEIGHBOURS + 1
        )


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingested]:
    folder = tmp_path_factory.mktemp("real")
    data = Path(DATA or "")
    catalogs = {
        make.__name__: make(data, folder)
        for make in (real_feeds.clothing_cc0, real_feeds.ccp, real_feeds.luma)
    }
    with running_stack(folder / "home") as stack:
        for catalog in catalogs.values():
            stack.lookalike(
                *("ingest", str(catalog.feed), "--catalog", catalog.name),
                *("--photo-root", str(catalog.photo_root)),
            )
        wait_for(
            "all photos are seen",
            lambda: all(stack.is_settled(name) for name in catalogs),
            INGEST_TIMEOUT_S,
        )
        services = stack.services
        with services.sessions() as session:
            generation = active_generation(session)
        assert generation is not None
        yield Ingested(stack, catalogs, services, generation)
        services.close()


def test_every_photo_is_indexed_or_failed_with_a_reason(ingested: Ingested) -> None:
    with ingested.services.sessions() as session:
        photos = session.scalars(select(Photo)).all()
    assert len(photos) > 1000
    assert {photo.state for photo in photos} <= {PhotoState.INDEXED, PhotoState.FAILED}
    assert all(photo.reason for photo in photos if photo.state is PhotoState.FAILED)


@pytest.mark.parametrize(("catalog", "least"), [("clothing_cc0", 0.8), ("ccp", 0.9)])
def test_a_fitting_garment_is_found(
    ingested: Ingested, catalog: str, least: float, record_property: Any
) -> None:
    found = ingested.garments_by_sku(catalog)
    fitting = {sku: names for sku, names in ingested.catalogs[catalog].fitting.items() if names}
    hits = [sku for sku, names in fitting.items() if names & {g.category for g in found[sku]}]
    share = len(hits) / len(fitting)
    record_property(f"{catalog} fitting", f"{len(hits)} of {len(fitting)}")
    print(f"{catalog}: a fitting garment in {len(hits)} of {len(fitting)} photos ({share:.3f})")
    assert share >= least


def test_each_garment_is_its_own_nearest_and_its_neighbours_are_of_its_kind(
    ingested: Ingested,
) -> None:
    with ingested.services.sessions() as session:
        garments = _vectors(session, ingested.generation)
    categories = {id_: category for id_, category, _ in garments}
    same = total = 0
    for id_, category, vector in garments:
        hits = ingested.neighbours(vector)
        own = next(hit for hit in hits if hit.garment_id == id_)
        others = [hit for hit in hits if hit is not own]
        # A shop shows one photo under two names: the same pixels tie for the first place.
        assert own.score >= hits[0].score - TIE
        assert own.score >= 0.999
        same += sum(categories[hit.garment_id] == category for hit in others)
        total += len(others)
        filtered = ingested.neighbours(vector, Filters(category=category))
        assert {categories[hit.garment_id] for hit in filtered} == {category}
    print(f"neighbours of the same category: {same} of {total} ({same / total:.3f})")
    assert same / total >= 0.6


def test_what_a_shop_sells_is_told_from_what_the_model_wears_with_it(ingested: Ingested) -> None:
    fitting = ingested.catalogs["luma"].fitting
    found = ingested.garments_by_sku("luma")
    sold = {
        sku: {garment.category for garment in garments if garment.role is Role.SOLD}
        for sku, garments in found.items()
    }
    right = [sku for sku, names in sold.items() if names and names <= fitting[sku]]
    wrong = {sku: sorted(names) for sku, names in sold.items() if sku not in right}
    print(f"luma: {len(right)} of {len(sold)} items sell what they should; wrong: {wrong}")
    assert len(right) / len(fitting) >= 0.8


def test_the_stores_agree(ingested: Ingested) -> None:
    assert "agree" in ingested.stack.lookalike("check")


def _vectors(session: Session, generation: Generation) -> list[tuple[UUID, str, Any]]:
    rows = session.execute(
        select(Garment.id, Garment.category, Embedding.vector)
        .join(Embedding, Embedding.garment_id == Garment.id)
        .where(Garment.segmenter == generation.segmenter, Embedding.embedder == generation.embedder)
    ).all()
    return [(id_, category, vector) for id_, category, vector in rows]
