"""What shops and operators ask the API: items, similar items, search by photo, jobs, re-index."""

import io
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
from flask import Flask
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog.jobs import start_job
from catalog.photos.image_store import upload_key
from catalog.queue import ANALYZE_PHOTO, RUN_REINDEX
from catalog.search.generations import begin_reindex
from catalog.services import Services
from catalog.tables import (
    Generation,
    GenerationState,
    Job,
    JobKind,
    JobState,
    PhotoState,
    ReindexKind,
    Upload,
    UploadGarment,
    UploadState,
)
from tests.fakes import FakeQueue
from tests.statements import counted_statements
from tests.web.conftest import DIMENSIONS, Api, Shop, draw_photo

ApiMaker = Callable[[str | None], Api]


def test_a_revoked_or_invented_token_is_refused_as_a_problem(api: ApiMaker) -> None:
    caller = api("read")
    caller.token = "lk_invented"
    answer = caller("GET", "/catalogs")
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_item_carries_its_photos_and_garments(api: ApiMaker, shop: Shop) -> None:
    item = shop.add_item("A1", ("jacket", "shoes"), brand="Kontor", price=19.9, currency="EUR")
    read = api("read")
    by_id = read("GET", f"/items/{item.id}").json
    assert by_id == read("GET", "/catalogs/shop/items/A1").json
    assert by_id["price"] == 19.9
    garments = by_id["photos"][0]["garments"]
    assert {(each["category"], each["role"]) for each in garments} == {
        ("jacket", "sold"),
        ("shoes", "worn_with"),
    }
    assert len(garments[0]["outline"][0]) >= 6
    assert read.client.get(by_id["photos"][0]["url"]).mimetype == "image/webp"
    assert read.client.get(garments[0]["crop_url"]).mimetype == "image/webp"


def test_facets_count_what_each_choice_would_show(
    api: Callable[[str | None], Api], shop: Shop
) -> None:
    shop.add_item("A1", ("jacket",), brand="Nord", price=15, stock=0)
    shop.add_item("A2", ("dress", "shoes"), brand="Nord", price=30)
    shop.add_item("A3", state=PhotoState.FAILED)
    facets = api("read")("GET", "/facets?category=dress").json
    assert facets["total"] == 1
    assert {each["value"]: each["count"] for each in facets["categories"]} == {
        "jacket": 1,
        "dress": 1,
    }
    assert facets["brands"] == [{"value": "Nord", "count": 1}]
    assert facets["prices"] == [{"low": 20, "high": 49.99, "count": 1}]
    everything = api("read")("GET", "/facets").json
    assert (everything["in_stock"], everything["sold_out"]) == (2, 1)
    assert everything["needs_review"] == 1
    assert everything["garments"][0] == {"garments": 0, "or_more": False, "count": 1}


def test_garments_photos_recommendations_and_looks(
    api: Callable[[str | None], Api], shop: Shop
) -> None:
    liked, disliked = shop.add_item("A1"), shop.add_item("A2", ("jacket", "shoes"))
    shop.add_item("A3"), shop.add_item("A4", ("shoes",))
    read = api("read")
    garment = shop.garments(liked)[0]
    assert read("GET", f"/garments/{garment.id}").json["category"] == "jacket"
    sha256 = liked.photo_links[0].photo.sha256
    assert read("GET", f"/photos/{sha256}").json["garments"][0]["id"] == str(garment.id)
    assert read("GET", f"/photos/{'0' * 64}").status_code == 404
    body = {
        "likes": [str(garment.id)],
        "dislikes": [str(shop.garments(disliked)[0].id)],
        "category": "jacket",
    }
    answer = read("POST", "/recommend", json=body)
    assert [hit["item"]["sku"] for hit in answer.json["items"]] == ["A3"]
    assert read("POST", "/recommend", json={"likes": []}).status_code == 422
    assert read("POST", "/recommend", json={"likes": [str(uuid.uuid4())]}).status_code == 404
    look = read("GET", f"/garments/{garment.id}/look").json["groups"]
    assert [(group["category"], group["seen"], group["of"]) for group in look] == [("shoes", 1, 3)]
    assert {hit["item"]["sku"] for hit in look[0]["items"]} == {"A4"}


def test_items_page_by_cursor_and_narrow_by_category_and_words(api: ApiMaker, shop: Shop) -> None:
    for number in range(5):
        shop.add_item(f"A{number}", ("jacket" if number % 2 else "dress",))
    read = api("read")
    first = read("GET", "/items?limit=3").json
    second = read("GET", f"/items?limit=3&cursor={first['next']}").json
    assert [item["sku"] for item in first["items"] + second["items"]] == [
        "A0",
        "A1",
        "A2",
        "A3",
        "A4",
    ]
    assert (first["total"], second["next"]) == (5, None)
    assert read("GET", "/items?category=jacket").json["total"] == 2
    assert [item["sku"] for item in read("GET", "/items?q=a3 title").json["items"]] == ["A3"]
    assert read("GET", "/items?q=100%25").json["total"] == 0
    assert read("GET", "/items?limit=0").status_code == 422
    assert read("GET", "/items?color=red").status_code == 422


def test_text_that_postgres_cannot_hold_is_a_bad_request(api: ApiMaker) -> None:
    read = api("read")
    assert read("GET", "/items?q=%00").status_code == 400
    assert read("GET", "/catalogs/a%00b/status").status_code == 400


def test_similar_items_come_nearest_first_and_never_the_item_itself(
    api: ApiMaker, shop: Shop
) -> None:
    item = shop.add_item("A1", ("jacket", "shoes"))
    near = shop.add_item("A2", ("jacket",), price=50)
    shop.add_item("A3", ("jacket",), direction=3, price=500)
    shop.add_item("A4", ("dress",), direction=1)
    read = api("read")
    found = read("GET", f"/items/{item.id}/similar?category=jacket").json
    assert [hit["item"]["sku"] for hit in found["items"]] == ["A2", "A3"]
    assert found["items"][0]["score"] > 0.99 > found["items"][1]["score"]
    assert found["query"] == {"item": item.id, "category": "jacket"}
    assert read("GET", "/catalogs/shop/items/A1/similar?category=jacket").json == found
    garment = shop.garments(near)[0].id
    hits = read("GET", f"/garments/{garment}/similar?category=jacket&price_min=100").json["items"]
    assert [hit["item"]["sku"] for hit in hits] == ["A3"]
    assert read("GET", f"/garments/{uuid.uuid4()}/similar").status_code == 404


def test_the_number_of_statements_does_not_grow_with_the_hits(
    api: ApiMaker, shop: Shop, services: Services
) -> None:
    items = [shop.add_item(f"A{number}") for number in range(3)]
    read = api("read")

    def count(path: str) -> int:
        with counted_statements(services.engine) as statements:
            assert read("GET", path).status_code == 200
        return len(statements)

    paths = ["/items", f"/items/{items[0].id}", f"/items/{items[0].id}/similar"]
    before = [count(path) for path in paths]
    for number in range(3, 11):
        shop.add_item(f"A{number}")
    assert [count(path) for path in paths] == before


def test_the_status_counts_photos_and_garments_and_names_failures(
    api: ApiMaker, shop: Shop
) -> None:
    shop.add_item("A1", ("jacket", "shoes"))
    shop.add_item("A2", state=PhotoState.FAILED)
    shop.add_item("B1", catalog="other")
    status = api("read")("GET", "/catalogs/shop/status").json
    assert status["items"] == 2
    assert status["photos"] == {"pending": 0, "working": 0, "indexed": 1, "failed": 1}
    assert status["garments"] == {"jacket": 1, "shoes": 1}
    assert [failure["skus"] for failure in status["failures"]] == [["A2"]]
    assert status["behind"] == 0


def test_a_searched_photo_is_kept_without_metadata_and_analyzed_at_once(
    api: ApiMaker, services: Services, queue: FakeQueue
) -> None:
    read = api("read")
    image = Image.new("RGB", (90, 60), "red")
    exif = image.getexif()
    exif[0x010E] = "secret place"
    exif[0x0112] = 6
    data = io.BytesIO()
    image.save(data, "JPEG", exif=exif)
    answer = read("POST", "/search", data={"photo": (io.BytesIO(data.getvalue()), "me.jpg")})
    assert answer.status_code == 202
    kept = services.images.get(upload_key(uuid.UUID(answer.json["id"])))
    assert b"secret place" not in kept
    (task,) = queue.named(ANALYZE_PHOTO)
    assert (task.args, task.queue) == ((answer.json["id"],), "interactive")
    state = read.client.get(
        answer.json["url"], headers={"Authorization": f"Bearer {read.token}"}
    ).json
    assert (state["state"], state["width"], state["height"]) == ("pending", 60, 90)


def test_a_search_needs_a_photo_and_a_broker(
    api: ApiMaker, queue: FakeQueue, services: Services, session: Session
) -> None:
    read = api("read")
    assert read("POST", "/search").status_code == 400
    text = {"photo": (io.BytesIO(b"no photo"), "a.jpg")}
    assert read("POST", "/search", data=text).json["reason"] == "not_a_photo"
    queue.down = True
    answer = read("POST", "/search", data={"photo": (io.BytesIO(draw_photo()), "a.jpg")})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert session.scalar(select(func.count()).select_from(Upload)) == 0
    assert not list(services.images.keys("uploads/"))


def test_a_search_answers_garments_and_similar_items_until_it_expires(
    api: ApiMaker, shop: Shop, session: Session
) -> None:
    shop.add_item("A1")
    upload = add_search(session, expires_in=timedelta(hours=1))
    read = api("read")
    found = read("GET", f"/search/{upload.id}").json
    assert [garment["category"] for garment in found["garments"]] == ["jacket"]
    path = f"/search/{upload.id}/garments/{found['garments'][0]['id']}/similar"
    assert [hit["item"]["sku"] for hit in read("GET", path).json["items"]] == ["A1"]
    expired = add_search(session, expires_in=timedelta(seconds=-1))
    assert read("GET", f"/search/{expired.id}").status_code == 404


def add_search(session: Session, expires_in: timedelta) -> Upload:
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    vector[0] = 1
    garment = UploadGarment(
        crop=b"crop",
        category="jacket",
        score=0.9,
        box=[0, 0, 10, 10],
        outline=[[0, 0, 10, 0, 10, 10]],
        embedder="embedder-a",
        vector=vector,
    )
    upload = Upload(
        width=60,
        height=80,
        state=UploadState.DONE,
        expires_at=datetime.now(UTC) + expires_in,
        garments=[garment],
    )
    session.add(upload)
    session.commit()
    return upload


def test_a_reindex_is_one_job_at_a_time_and_can_be_cancelled(
    api: ApiMaker, shop: Shop, queue: FakeQueue
) -> None:
    admin = api("admin")
    started = admin("POST", "/reindex", json={"kind": "vectors", "switch": "manual"})
    assert started.status_code == 202
    assert queue.named(RUN_REINDEX)[0].args == (started.json["id"],)
    assert admin("POST", "/reindex", json={"kind": "vectors"}).status_code == 409
    cancelled = admin("POST", f"/jobs/{started.json['id']}/cancel").json
    assert cancelled["cancel_requested"] is True
    listed = admin("GET", "/jobs?limit=1").json["items"]
    assert [job["id"] for job in listed] == [started.json["id"]]


def test_an_index_is_not_served_while_it_is_being_filled(
    api: ApiMaker, shop: Shop, services: Services, session: Session
) -> None:
    admin = api("admin")
    session.commit()
    old = begin_building(session, services, JobState.DONE)
    assert admin("POST", f"/jobs/{old.id}/cancel").status_code == 200
    new = begin_building(session, services, JobState.RUNNING)
    refused = admin("POST", "/reindex/activate")
    assert refused.status_code == 409
    assert "still being filled" in refused.json["detail"]
    assert admin("POST", f"/jobs/{old.id}/cancel").status_code == 409
    session.expire_all()
    assert new.generation_id is not None
    assert session.get_one(Generation, new.generation_id).state is GenerationState.BUILDING


def begin_building(session: Session, services: Services, state: JobState) -> Job:
    """A re-index from vectors that has begun; its job is in that state."""
    job = start_job(session, JobKind.REINDEX, parameters={"kind": "vectors"})
    building = begin_reindex(
        session, services.index, ReindexKind.VECTORS, "segmenter-a", "embedder-a", DIMENSIONS, job
    )
    job.generation_id, job.state = building.id, state
    session.commit()
    return job


def test_switching_without_another_index_is_a_conflict(api: ApiMaker, shop: Shop) -> None:
    admin = api("admin")
    assert admin("POST", "/reindex/activate").status_code == 409
    assert admin("POST", "/reindex/rollback").status_code == 409
    (generation,) = admin("GET", "/generations").json["items"]
    assert (generation["state"], generation["behind"]) == ("active", 0)


def test_the_openapi_description_names_every_route_and_how_to_authenticate(app: Flask) -> None:
    spec = app.test_client().get("/api/openapi.json").json
    assert "/api/v1/photos/missing" in spec["paths"]
    operation = spec["paths"]["/api/v1/catalogs/{name}/items"]["post"]
    assert operation["security"]
    assert spec["components"]["securitySchemes"]["BearerAuth"]["scheme"] == "bearer"


def test_an_unknown_address_below_the_api_is_a_problem(app: Flask) -> None:
    answer = app.test_client().get("/api/v1/nothing")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
