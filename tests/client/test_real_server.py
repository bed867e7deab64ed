"""The client and the real app agree about every call, and the manual's examples run."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from sqlalchemy.orm import Session

import lookalike_client
from catalog.accounts import create_token
from catalog.photos.decode import encode_crop
from catalog.queue import ANALYZE_PHOTO
from catalog.services import Services
from catalog.tables import Upload, UploadGarment, UploadState
from lookalike_client import (
    Client,
    ConflictError,
    InputError,
    NotFoundError,
    SearchFailedError,
    TokenError,
)
from lookalike_client.reading import Reading
from tests.fakes import FakeQueue
from tests.web.conftest import DIMENSIONS, Shop, draw_photo
from tests.web.test_map import make_map
from web.app import create_app

Connect = Callable[[str], Client]
MANUAL = Path(__file__).parents[2] / "docs" / "client.md"


@dataclass
class SeeingQueue(FakeQueue):
    """A queue whose worker looks at photos at once: it finds a small and a large garment."""

    services: Services | None = None
    state: UploadState = UploadState.DONE

    def enqueue(self, task_name: str, *args: Any, queue: str = "bulk") -> str:
        if task_name == ANALYZE_PHOTO and self.services:
            with self.services.sessions.begin() as session:
                upload = session.get_one(Upload, UUID(args[0]))
                upload.state = self.state
                upload.reason = "too dark" if self.state is UploadState.FAILED else None
                session.add_all(self._found(upload, side) for side in (5.0, 40.0))
        return super().enqueue(task_name, *args, queue=queue)

    def _found(self, upload: Upload, side: float) -> UploadGarment:
        vector = np.zeros(DIMENSIONS, dtype=np.float32)
        vector[0 if side > 10 else 1] = 1
        return UploadGarment(
            upload_id=upload.id,
            category="jacket",
            score=0.9,
            box=[0.0, 0.0, side, side],
            outline=[[0.0, 0.0, side, 0.0, side, side]],
            crop=encode_crop(np.zeros((8, 8, 3), dtype=np.uint8)),
            embedder="embedder-a",
            vector=vector,
        )


@pytest.fixture
def queue() -> SeeingQueue:
    return SeeingQueue()


@pytest.fixture
def services(services: Services, queue: SeeingQueue) -> Services:
    queue.services = services
    return services


@pytest.fixture
def full(shop: Shop) -> Shop:
    shop.add_item("A-1", ("jacket", "pants"), price=Decimal("79.90"), currency="EUR", brand="Acme")
    shop.add_item("B/2 #1", price=Decimal("20"), stock=0)
    shop.add_item("C", ("dress",), direction=1)
    return shop


def test_items_are_read_over_all_pages(
    connect: Connect, full: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike_client.reading.PAGE_ITEMS", 1)
    items = list(connect("read").items(catalog="shop"))
    assert [item.sku for item in items] == ["A-1", "B/2 #1", "C"]
    assert items[0].price == Decimal("79.9")
    assert [item.sku for item in connect("read").items(in_stock=False)] == ["B/2 #1"]


def test_an_item_its_photo_and_its_garments_are_read(connect: Connect, full: Shop) -> None:
    client = connect("read")
    item = client.get_item_by_sku("shop", "A-1")
    assert client.get_item(item.id) == item
    (photo,) = item.photos
    assert client.get_photo(photo.sha256).garments[0].colours[0].name == "navy"
    sold = next(garment for garment in photo.garments if garment.role == "sold")
    assert client.get_garment(sold.id) == sold


def test_any_sku_is_found(connect: Connect, full: Shop) -> None:
    assert connect("read").get_item_by_sku("shop", "B/2 #1").title == "Title of B/2 #1"


def test_similar_items_come_by_item_sku_and_garment(connect: Connect, full: Shop) -> None:
    client = connect("read")
    item = client.get_item_by_sku("shop", "A-1")
    garment = next(one for one in item.photos[0].garments if one.role == "sold")
    by_item = client.similar_to_item(item.id, limit=2)
    assert by_item[0].item.sku == "B/2 #1"
    assert client.similar_to_sku("shop", "A-1", limit=2) == by_item
    assert client.similar_to_garment(garment.id, limit=2) == by_item
    assert [hit.item.sku for hit in client.similar_to_item(item.id, in_stock=True)] == ["C"]
    with pytest.raises(InputError):
        client.similar_to_item(item.id, limit=0)


def test_likes_looks_and_facets(connect: Connect, full: Shop) -> None:
    client = connect("read")
    garment = client.get_item_by_sku("shop", "A-1").photos[0].garments[0]
    liked = client.recommend([garment.id], price_max=Decimal("50"), limit=3)
    assert [hit.item.sku for hit in liked] == ["B/2 #1"]
    assert all(group.of for group in client.complete_look(garment.id))
    facets = client.facets(catalog="shop")
    assert (facets.total, facets.sold_out) == (3, 1)
    assert {count.value for count in facets.brands} == {"Acme"}


def test_a_photo_is_searched_with(connect: Connect, full: Shop) -> None:
    client = connect("read")
    found = client.search(draw_photo())
    assert [garment.category for garment in found.garments] == ["jacket", "jacket"]
    small = min(found.garments, key=lambda one: one.box[2])
    assert client.similar_to_found(found.id, small.id, limit=1)[0].item.sku == "C"
    assert client.similar_to_photo(draw_photo(1), limit=1)[0].item.sku == "A-1"


def test_a_photo_that_can_not_be_looked_at(
    connect: Connect, shop: Shop, queue: SeeingQueue
) -> None:
    with pytest.raises(InputError):
        connect("read").search(b"no photo")
    queue.state = UploadState.FAILED
    with pytest.raises(SearchFailedError, match="too dark"):
        connect("read").search(draw_photo())


def test_a_photo_that_nobody_looks_at_is_not_waited_for(
    connect: Connect, shop: Shop, queue: SeeingQueue
) -> None:
    queue.services = None
    with pytest.raises(lookalike_client.UnavailableError, match="not looked at"):
        connect("read").search(draw_photo(), wait_s=0)


def test_an_ingest_goes_all_the_way(connect: Connect) -> None:
    client = connect("ingest")
    data = draw_photo()
    sha256 = hashlib.sha256(data).hexdigest()
    job = client.start_ingest("shop", {"from": "a test"})
    assert (job.state, job.catalog, job.is_over) == ("running", "shop", False)
    assert client.find_missing_photos([sha256]) == {sha256}
    assert client.put_photo(sha256, data).width == 60
    assert client.find_missing_photos([sha256]) == set()
    rows = [{"sku": "A", "photos": [sha256]}, {"sku": "B", "price": -1}]
    good, bad = client.put_items("shop", rows, job.id)
    assert (good.status, bad.status) == ("created", "failed")
    assert bad.remedy
    client.mark_seen("shop", job.id, ["B"])
    assert client.finish_ingest(job.id, prune=True, result={"created": 1}) == 0
    status = client.get_status("shop")
    assert (status.items, status.unfinished) == (1, 1)
    client.delete_item("shop", "A")
    with pytest.raises(NotFoundError):
        client.delete_item("shop", "A")


def test_jobs_are_watched_and_steered(connect: Connect, shop: Shop) -> None:
    client = connect("admin")
    reindex = client.start_reindex("vectors", switch="manual")
    with pytest.raises(ConflictError):
        client.start_reindex("vectors")
    ingest = client.start_ingest("shop")
    assert {job.id for job in client.jobs()} == {reindex.id, ingest.id}
    assert client.cancel_job(ingest.id).is_over
    assert client.cancel_job(reindex.id).cancel_requested
    assert client.get_job(ingest.id).state == "cancelled"
    assert [one.state for one in client.generations()] == ["active"]
    for switch in (client.activate, client.roll_back):
        with pytest.raises(ConflictError):
            switch()


def test_webhooks_are_made_tried_and_deleted(connect: Connect) -> None:
    client = connect("admin")
    webhook = client.create_webhook("https://shop.example/hook", ["job.done"], "orders")
    assert webhook.secret
    (listed,) = client.webhooks()
    assert (listed.id, listed.events, listed.secret) == (webhook.id, ["job.done"], None)
    tried = client.test_webhook(webhook.id)
    assert [one.id for one in client.deliveries(webhook.id)] == [tried.id]
    client.delete_webhook(webhook.id)
    assert client.webhooks() == []


def test_scopes_and_health(connect: Connect) -> None:
    with pytest.raises(TokenError):
        list(connect("read").jobs())
    health = connect("read").health()
    assert (health.database, health.index, health.workers) == ("ok", "ok", [])
    assert health.backlog.failed == 0


def test_a_map_and_its_points_are_read(connect: Connect, full: Shop) -> None:
    client = connect("admin")
    with pytest.raises(NotFoundError):
        client.get_map()
    made = make_map(full)
    assert client.get_map().garments == made.count
    points = list(client.map_points())
    assert len(points) == made.count
    assert all(0 <= one.x <= 1 for one in points)
    assert client.start_map().kind == "map"


def test_a_match_is_explained(connect: Connect, full: Shop) -> None:
    client = connect("read")
    first, second = (
        client.get_item_by_sku("shop", sku).photos[0].garments[0].id for sku in ("A-1", "C")
    )
    why = client.explain_match(first, second)
    assert (why.state, why.score, why.query.heat_url) == ("pending", None, None)


def test_audits_are_started_and_their_findings_read(
    connect: Connect, full: Shop, session: Session
) -> None:
    client = connect("admin")
    assert list(client.findings("coverage")) == []
    assert client.start_audit(parts=["coverage"], few=2).parameters["few"] == 2
    (job,) = client.jobs()
    client.cancel_job(job.id)
    with pytest.raises(NotFoundError):
        client.dismiss_finding(1)


def test_a_garment_is_corrected_and_that_taken_back(connect: Connect, full: Shop) -> None:
    client = connect("admin")
    photo = client.get_item_by_sku("shop", "C").photos[0]
    garment = photo.garments[0].id
    corrected = client.correct_garment(garment, category="skirt")
    assert (corrected.category, corrected.seen_category) == ("skirt", "dress")
    assert client.accept_garment(garment).correction == "category"
    assert [entry.item.sku for entry in client.review_queue("reviewed")] == ["C"]
    assert len(client.export_corrections()["images"]) == 1
    client.undo_correction(garment)
    added = client.add_garment(photo.sha256, "bag", [1, 1, 20, 20])
    client.take_back_added(added.id)
    with pytest.raises(ConflictError):
        client.judge_photo(photo.sha256, "ignored")


def test_a_reindex_is_forecast_and_compared(connect: Connect, full: Shop) -> None:
    client = connect("admin")
    forecast = client.forecast_reindex("vectors")
    assert {step.work for step in forecast.steps} >= {"vectors"}
    with pytest.raises(NotFoundError):
        client.get_comparison()
    with pytest.raises(ConflictError):
        client.compare_again()


def test_a_photo_is_posted_and_all_its_garments_come_back(connect: Connect, full: Shop) -> None:
    client = connect("read")
    posted = client.post_photo(draw_photo(), limit=1)
    assert not isinstance(posted, str)
    assert {one.similar[0].item.sku for one in posted.garments} == {"A-1", "C"}
    assert client.similar_to_posted(posted.id, limit=1) == posted


def test_a_posted_photo_that_takes_long_is_asked_for_by_its_id(
    connect: Connect, shop: Shop, queue: SeeingQueue
) -> None:
    queue.services = None
    client = connect("read")
    search_id = client.post_photo(draw_photo(), wait_s=0)
    assert isinstance(search_id, str)
    assert client.similar_to_posted(search_id, wait_s=0) == search_id


def test_every_call_of_the_manual_is_one_of_the_clients() -> None:
    calls = set(re.findall(r"client\.(\w+)\(", MANUAL.read_text(encoding="utf-8")))
    assert calls
    assert all(hasattr(Client, call) for call in calls)
    assert issubclass(Client, Reading)


def test_the_examples_of_the_manual_run(
    services: Services,
    session: Session,
    full: Shop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of them in turn, as one program; only server and token are the test's own."""
    token = create_token(session, "manual", ["admin"])
    session.commit()
    transport = httpx.WSGITransport(create_app(services))

    class ManualClient(Client):
        def __init__(self, url: str, given: str, *settings: Any) -> None:
            assert (url, given) == ("http://localhost:8000", "lk_your_token")
            super().__init__(url, token, *settings, transport=transport)

    monkeypatch.setattr(lookalike_client, "Client", ManualClient)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(draw_photo())
    examples = re.findall(r"```python\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) > 5
    names: dict[str, Any] = {}
    for number, example in enumerate(examples, 1):
        exec(compile(example, f"{MANUAL.name}, example {number}", "exec"), names)
    assert names["item"].sku == "A-1"
    assert names["found"].garments


def test_an_expired_search_is_gone(connect: Connect, shop: Shop, session: Session) -> None:
    client = connect("read")
    search_id = client.start_search(draw_photo())
    upload = session.get_one(Upload, UUID(search_id))
    upload.expires_at = datetime.now(UTC) - timedelta(hours=1)
    session.commit()
    with pytest.raises(NotFoundError):
        client.get_search(search_id)
    with pytest.raises(NotFoundError):
        client.similar_to_found(search_id, str(uuid4()))
