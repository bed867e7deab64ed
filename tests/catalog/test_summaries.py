"""What the grid knows of an item: its garments in short, and why a person should look."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from catalog.item_words import ItemWords
from catalog.items import upsert_items
from catalog.roles import assign_roles
from catalog.summaries import Reason, SeenPhoto, refresh_missing, summarise
from catalog.tables import Generation, Item, ItemSummary, PhotoState, Role
from tests.catalog.conftest import SEGMENTER, AddGarments, AddPhotos, sha_of


@dataclass
class Seen:
    category: str
    role: Role = Role.SOLD
    score: float = 0.9
    colours: list[dict[str, Any]] = field(default_factory=list)
    correction_id: int | None = None


def photo(*garments: Seen, state: PhotoState = PhotoState.INDEXED) -> SeenPhoto:
    return SeenPhoto(state, garments)


@pytest.mark.parametrize(
    ("photos", "reasons"),
    [
        ([photo(Seen("jacket"))], []),
        ([photo(Seen("jacket", score=0.5))], [Reason.LOW_CONFIDENCE]),
        ([photo(Seen("jacket"), Seen("shoes", Role.WORN_WITH, score=0.41))], []),
        ([photo(Seen("jacket")), photo()], [Reason.NOTHING_FOUND]),
        ([photo(state=PhotoState.PENDING)], []),
        ([photo(Seen("bag"))], [Reason.OTHER_CATEGORY]),
        ([photo(Seen("bag"), Seen("coat", Role.WORN_WITH))], []),
        ([], []),
    ],
)
def test_a_person_should_look_where_the_models_are_in_doubt(
    photos: list[SeenPhoto], reasons: list[Reason]
) -> None:
    item = ItemWords("Denim Jacket", "Outerwear > Jackets")
    assert summarise(item, photos, None).review == reasons


def test_a_summary_names_what_is_sold_and_counts_all() -> None:
    navy = [{"name": "navy", "hex": "#1b2a4a", "share": 0.8}]
    seen = photo(Seen("jacket", colours=navy), Seen("shoes", Role.WORN_WITH))
    summary = summarise(ItemWords("Jacket"), [seen, photo(Seen("jacket"))], None)
    assert (summary.categories, summary.colours, summary.garments) == (["jacket"], ["navy"], 3)


def summaries(session: Session) -> dict[str, tuple[list[str], int]]:
    rows = session.execute(
        select(Item.sku, ItemSummary.categories, ItemSummary.garments)
        .join(Item, Item.id == ItemSummary.item_id)
        .where(ItemSummary.segmenter == SEGMENTER)
    )
    return {sku: (categories, garments) for sku, categories, garments in rows}


def test_summaries_follow_garments_roles_and_links(
    session: Session,
    generation: Generation,
    add_photos: AddPhotos,
    add_garments: AddGarments,
) -> None:
    first, second = add_photos("one", "two")
    row = {"sku": "A", "title": "Denim Jacket", "photos": [sha_of("one")]}
    upsert_items(session, "shop", [row])
    add_garments(first, "jacket", "shoes")
    assign_roles(session, [first.id])
    assert summaries(session) == {"A": (["jacket"], 2)}
    add_garments(second, "jacket")
    upsert_items(session, "shop", [row | {"title": "Running Shoes"}])
    assert summaries(session) == {"A": (["shoes"], 2)}
    upsert_items(session, "shop", [row | {"photos": []}])
    assert summaries(session) == {}  # nothing of the photo that it no longer shows


def test_what_an_earlier_release_left_is_summarised_once(
    session: Session, generation: Generation, add_photos: AddPhotos, add_garments: AddGarments
) -> None:
    (only,) = add_photos("one")
    rows = [{"sku": sku, "title": "Denim Jacket", "photos": [sha_of("one")]} for sku in "ABC"]
    upsert_items(session, "shop", rows)
    add_garments(only, "jacket")
    assign_roles(session, [only.id])
    before = summaries(session)
    session.execute(delete(ItemSummary))
    assert [refresh_missing(session, limit=2) for _ in range(3)] == [2, 1, 0]
    assert summaries(session) == before == dict.fromkeys("ABC", (["jacket"], 1))
