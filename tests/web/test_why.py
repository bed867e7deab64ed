"""Why similar items match: on the page, in the API, and who may see what."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog import explaining
from catalog.photos.decode import encode_heat
from catalog.queue import EXPLAIN_MATCH
from catalog.services import Services
from catalog.tables import Explanation, ExplanationState, Upload
from tests.fakes import FakeQueue
from tests.statements import counted_statements
from tests.web.conftest import Api, Shop
from tests.web.test_api_read import add_search
from web.why import Descriptor, stand_out

SAID = {"S": 0.82, "M": 0.6, "G": 0.71}


@dataclass
class Pair:
    """Two items that are alike, and where the page says why."""

    item_id: int
    garment_id: uuid.UUID
    other_id: uuid.UUID

    @property
    def page(self) -> str:
        return f"/items/{self.item_id}/why/{self.garment_id}/{self.other_id}"

    @property
    def api(self) -> str:
        return f"/garments/{self.garment_id}/why/{self.other_id}"


@pytest.fixture
def pair(shop: Shop) -> Pair:
    query, other = shop.add_item("query"), shop.add_item("other")
    return Pair(query.id, shop.garments(query)[0].id, shop.garments(other)[0].id)


def finish(session: Session, **values: object) -> Explanation:
    """Let a worker have come to its end."""
    heat = encode_heat(np.eye(16), 16)
    done = {
        "state": ExplanationState.DONE,
        "descriptors": SAID,
        "place": "upper left",
        "other_place": "in the middle",
        "heat": heat,
        "other_heat": heat,
    }
    session.execute(update(Explanation).values(**(values or done)))
    session.commit()
    return session.scalars(select(Explanation).execution_options(populate_existing=True)).one()


def test_each_similar_item_has_a_way_to_its_reasons(client: FlaskClient, pair: Pair) -> None:
    page = client.get(f"/items/{pair.item_id}").text
    assert f'href="{pair.page}"' in page
    assert "data-why-all" not in page
    assert 'name="why" value="1"' in page
    switched_on = client.get(f"/items/{pair.item_id}?why=1").text
    assert "data-why-all" in switched_on
    assert 'name="why" value="1" checked' in switched_on
    assert "The deeper the orange" in switched_on
    assert 'id="heat-ramp"' in switched_on
    assert "what you liked" not in switched_on
    steered = client.get(f"/items/{pair.item_id}?why=1&dislike={uuid.uuid4()}").text
    assert "not with what you liked" in steered


def test_a_pair_is_compared_in_the_background_and_the_page_looks_again(
    client: FlaskClient, pair: Pair, queue: FakeQueue, session: Session
) -> None:
    waiting = client.get(pair.page)
    assert "Comparing the two garments" in waiting.text
    assert waiting.headers["Refresh"] == "2"
    assert "no-store" in waiting.headers["Cache-Control"]
    client.get(pair.page)
    assert len(queue.named(EXPLAIN_MATCH)) == 1
    explanation = finish(session)
    done = client.get(pair.page)
    assert "Refresh" not in done.headers
    assert "Title of other" in done.text
    assert "Similar.</strong> More alike in the overall look than" in done.text
    for words in ("Overall look", "Strongest details", "Between the two", "82 %", "60 %", "71 %"):
        assert words in done.text
    assert f"/heat/{explanation.id}/query.webp" in done.text
    assert "it is most alike upper left" in done.text
    assert f'href="/items/{pair.item_id}?garment={pair.garment_id}#similar"' in done.text


def test_a_card_gets_the_fragment_alone(client: FlaskClient, pair: Pair, session: Session) -> None:
    waiting = client.get(f"{pair.page}?fragment=1")
    assert "<html" not in waiting.text
    assert "data-why-wait" in waiting.text
    assert "Refresh" not in waiting.headers
    finish(session)
    done = client.get(f"{pair.page}?fragment=1").text
    assert "data-why-wait" not in done
    assert done.count('filter="url(#heat-ramp)"') == 2


def test_a_long_wait_is_owned_up_to(client: FlaskClient, pair: Pair, session: Session) -> None:
    assert "longer than usual" not in client.get(pair.page).text
    finish(session, created_at=datetime.now(UTC) - timedelta(minutes=1))
    assert "longer than usual" in client.get(pair.page).text


def test_what_can_not_be_explained_says_why(
    client: FlaskClient,
    pair: Pair,
    queue: FakeQueue,
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue.down = True
    down = client.get(pair.page)
    assert down.status_code == 200
    assert "can&#39;t be explained at the moment" in down.text
    queue.down = False
    client.get(pair.page)
    finish(session, state=ExplanationState.FAILED, reason="one of the two garments is gone")
    failed = client.get(f"{pair.page}?fragment=1").text
    assert "one of the two garments is gone" in failed
    assert "data-why-failed" in failed
    session.query(Explanation).delete()
    session.commit()
    monkeypatch.setattr(explaining, "MAX_PENDING", 0)
    assert "So many matches" in client.get(pair.page).text


def test_only_garments_of_the_item_and_of_the_catalog_are_compared(
    client: FlaskClient, pair: Pair, queue: FakeQueue
) -> None:
    assert (
        client.get(f"/items/{pair.item_id}/why/{pair.other_id}/{pair.other_id}").status_code == 404
    )
    assert (
        client.get(f"/items/{pair.item_id}/why/{pair.garment_id}/{uuid.uuid4()}").status_code == 404
    )
    assert client.get(f"/items/0/why/{pair.garment_id}/{pair.other_id}").status_code == 404
    assert queue.sent == []


def test_heat_of_the_catalog_is_public_and_cached_once_it_is_there(
    client: FlaskClient, pair: Pair, session: Session
) -> None:
    client.get(pair.page)
    pending = session.scalars(select(Explanation)).one()
    assert client.get(f"/heat/{pending.id}/query.webp").status_code == 404
    explanation = finish(session)
    for side in ("query", "other"):
        answer = client.get(f"/heat/{explanation.id}/{side}.webp")
        assert answer.mimetype == "image/webp"
        assert "immutable" in answer.headers["Cache-Control"]
    assert client.get(f"/heat/{explanation.id}/behind.webp").status_code == 404
    assert client.get(f"/heat/{uuid.uuid4()}/query.webp").status_code == 404


@pytest.fixture
def search(pair: Pair, session: Session) -> Upload:
    return add_search(session, timedelta(hours=1))


def test_a_search_by_photo_says_why_and_keeps_its_heat_to_itself(
    client: FlaskClient, search: Upload, pair: Pair, session: Session, queue: FakeQueue
) -> None:
    garment = search.garments[0]
    page = f"/search/{search.id}/why/{garment.id}/{pair.other_id}"
    assert f'href="{page}"' in client.get(f"/search/{search.id}?why=1").text
    assert "Comparing the two garments" in client.get(page).text
    explanation = finish(session)
    done = client.get(page).text
    address = f"/search/{search.id}/heat/{explanation.id}/query.webp"
    assert address in done
    answer = client.get(address)
    assert answer.mimetype == "image/webp"
    assert answer.headers["Cache-Control"].startswith("private")
    assert client.get(f"/heat/{explanation.id}/query.webp").status_code == 404
    foreign = add_search(session, timedelta(hours=1))
    assert client.get(f"/search/{foreign.id}/heat/{explanation.id}/query.webp").status_code == 404
    search.expires_at = datetime.now(UTC) - timedelta(seconds=1)
    session.commit()
    assert client.get(address).status_code == 404
    assert client.get(page).status_code == 404


def test_a_search_from_before_a_switch_asks_to_search_again(
    client: FlaskClient, search: Upload, pair: Pair, session: Session
) -> None:
    garment = search.garments[0]
    garment.embedder = "embedder of before"
    session.commit()
    page = client.get(f"/search/{search.id}/why/{garment.id}/{pair.other_id}").text
    assert "Please search again" in page
    assert client.get(f"/search/{search.id}/why/{uuid.uuid4()}/{pair.other_id}").status_code == 404


ApiMaker = Callable[[str | None], Api]


def test_programs_ask_until_it_is_done(
    api: ApiMaker, pair: Pair, session: Session, queue: FakeQueue
) -> None:
    read = api("read")
    waiting = read("GET", pair.api)
    assert waiting.status_code == 202
    assert waiting.headers["Retry-After"] == "1"
    assert (waiting.json["state"], waiting.json["score"]) == ("pending", None)
    assert waiting.json["query"]["heat_url"] is None
    finish(session)
    done = read("GET", pair.api)
    assert done.status_code == 200
    assert "Retry-After" not in done.headers
    assert done.json["score"] == pytest.approx(0.71)
    assert {each["letter"]: each["similarity"] for each in done.json["descriptors"]} == SAID
    assert [each["name"] for each in done.json["descriptors"]] == [
        "mean",
        "max",
        "generalised mean",
    ]
    assert done.json["other"]["strongest"] == "in the middle"
    for side in ("query", "other"):
        for picture in ("crop_url", "heat_url"):
            assert read.client.get(done.json[side][picture]).mimetype == "image/webp"
    assert len(queue.named(EXPLAIN_MATCH)) == 1


def test_programs_get_failures_as_they_are(
    api: ApiMaker, pair: Pair, session: Session, queue: FakeQueue
) -> None:
    read = api("read")
    assert read("GET", f"/garments/{pair.garment_id}/why/{uuid.uuid4()}").status_code == 404
    queue.down = True
    down = read("GET", pair.api)
    assert (down.status_code, down.headers["Retry-After"]) == (503, "5")
    queue.down = False
    read("GET", pair.api)
    finish(session, state=ExplanationState.FAILED, reason="the models are away")
    failed = read("GET", pair.api)
    assert (failed.status_code, failed.json["state"]) == (200, "failed")
    assert failed.json["reason"] == "the models are away"


def test_programs_ask_about_a_photo_too(
    api: ApiMaker, pair: Pair, search: Upload, session: Session
) -> None:
    read = api("read")
    path = f"/search/{search.id}/garments/{search.garments[0].id}/why/{pair.other_id}"
    assert read("GET", path).status_code == 202
    finish(session)
    done = read("GET", path).json
    assert read.client.get(done["query"]["heat_url"]).headers["Cache-Control"].startswith("private")
    missing = f"/search/{search.id}/garments/{uuid.uuid4()}/why/{pair.other_id}"
    assert read("GET", missing).status_code == 404


def test_the_grid_of_similar_items_asks_nothing_more_for_its_reasons(
    client: FlaskClient, pair: Pair, services: Services, shop: Shop
) -> None:
    def statements() -> int:
        with counted_statements(services.engine) as sent:
            client.get(f"/items/{pair.item_id}?why=1")
        return len(sent)

    few = statements()
    for number in range(6):
        shop.add_item(f"more-{number}")
    assert statements() == few


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"S": 0.69, "M": 0.9, "G": 0.83}, ""),
        ({"S": 0.97, "M": 0.99, "G": 0.98}, ""),
        ({"S": 0.8, "M": 0.75, "G": 0.78}, "More alike in the overall look"),
        ({"S": 0.4, "M": 0.85, "G": 0.6}, "Rests on a few strong details"),
        ({"S": 0.9, "G": 0.2}, ""),
        ({"G": 0.9}, ""),
        ({}, ""),
    ],
)
def test_a_descriptor_that_says_unusually_much_is_pointed_out(
    said: dict[str, float], words: str
) -> None:
    sentence = stand_out([Descriptor(letter, "", "", each) for letter, each in said.items()])
    assert sentence.startswith(words)
    assert bool(sentence) == bool(words)
