"""The review queue on its page: what is in it and why, and what each button does without script."""

import html
import json
import re
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.accounts import create_user
from catalog.queue import INDEX_PHOTOS, RECUT_PHOTO
from catalog.roles import assign_roles
from catalog.summaries import refresh_summaries
from catalog.tables import (
    Correction,
    EntryState,
    Garment,
    IndexEntry,
    Item,
    Photo,
    PhotoReview,
    PhotoState,
    Recut,
    Verdict,
)
from tests.fakes import FakeQueue
from tests.statements import counted_statements
from tests.web.conftest import PASSWORD, Shop
from tests.web.test_admin import csrf_of


@pytest.fixture
def doubtful(shop: Shop, session: Session) -> list[Item]:
    """Three items: one that the model is unsure of, one without garments, one named otherwise."""
    unsure = shop.add_item("unsure", ("jacket", "shoes"), category="Jackets")
    nothing = shop.add_item("nothing", (), category="Jackets")
    other = shop.add_item("other", ("bag",), category="Jackets", title="Denim Jacket")
    shop.add_item("fine", ("jacket",), category="Jackets")
    sold = shop.garments(unsure)[0].id
    session.execute(update(Garment).where(Garment.id == sold).values(score=0.45))
    refresh_summaries(session, [unsure.id, nothing.id, other.id])
    session.commit()
    return [unsure, nothing, other]


def counts(page: str) -> dict[str, int]:
    found = re.findall(
        r'<a href="/admin/review/[^"]*"[^>]*>([^<]+) <span class="count">(\d+)', page
    )
    return {label: int(count) for label, count in found}


def shown(page: str) -> str | None:
    found = re.search(r'class="review-title"><a href="[^"]*">([^<]+)<', page)
    return html.unescape(found[1]) if found else None


def place_of(item: Item) -> str:
    return f"{item.id}.{item.photo_links[0].photo_id}"


def garment_of(shop: Shop, item: Item, category: str) -> Garment:
    return next(garment for garment in shop.garments(item) if garment.category == category)


def test_the_queue_shows_why_a_person_should_look(admin: FlaskClient, doubtful: list[Item]) -> None:
    page = admin.get("/admin/review/").text
    assert counts(page) == {
        "All": 3,
        "Not sure": 1,
        "Nothing found": 1,
        "Other than the shop says": 1,
        "Reviewed": 0,
    }
    assert shown(page) == "Title of unsure"
    assert "The model is not sure" in page
    assert "45 % sure" in page
    page = admin.get("/admin/review/?reason=nothing_found").text
    assert shown(page) == "Title of nothing"
    assert "There is none" in page
    page = admin.get("/admin/review/?reason=other_category").text
    assert "The shop calls it “Jackets”" in page


def test_one_goes_through_it_by_cursor(admin: FlaskClient, doubtful: list[Item]) -> None:
    titles, address = [], "/admin/review/"
    while shown(page := admin.get(address).text):
        titles.append(shown(page))
        following = re.search(r'href="([^"]+)" data-key="n"', page)
        assert following
        address = html.unescape(following[1])
    assert titles == ["Title of unsure", "Title of nothing", "Denim Jacket"]
    assert "That was the last one" in page
    back = admin.get(f"/admin/review/?at={place_of(doubtful[1])}").text
    assert f"at={place_of(doubtful[0])}" in back


def test_what_is_accepted_leaves_the_queue_and_the_next_comes(
    admin: FlaskClient, doubtful: list[Item], shop: Shop, session: Session
) -> None:
    garment = garment_of(shop, doubtful[0], "jacket")
    answer = admin.post(
        f"/admin/review/garments/{garment.id}/accept", data={"at": place_of(doubtful[0])}
    )
    page = admin.get(answer.location).text
    assert shown(page) == "Title of nothing"
    assert counts(page)["Reviewed"] == 1
    assert "Accepted." in page
    session.expire_all()
    assert garment.correction_id is not None


def test_a_corrected_category_is_in_the_index_and_the_summary_at_once(
    admin: FlaskClient, doubtful: list[Item], shop: Shop, session: Session, queue: FakeQueue
) -> None:
    garment = garment_of(shop, doubtful[2], "bag")
    answer = admin.post(
        f"/admin/review/garments/{garment.id}/category",
        data={"category": "jacket", "at": place_of(doubtful[2]), "reason": "other_category"},
    )
    assert answer.location.endswith(f"reason=other_category&cursor={place_of(doubtful[2])}")
    session.expire_all()
    assert garment.category == "jacket"
    entry = select(IndexEntry.state).where(IndexEntry.garment_id == garment.id)
    assert session.scalars(entry).one() is EntryState.DIRTY
    assert "Other than the shop says" not in counts(admin.get("/admin/review/").text)
    assert queue.named(RECUT_PHOTO) == []


def test_an_unknown_category_is_refused_in_words(
    admin: FlaskClient, doubtful: list[Item], shop: Shop
) -> None:
    garment = garment_of(shop, doubtful[2], "bag")
    answer = admin.post(
        f"/admin/review/garments/{garment.id}/category",
        data={"category": "spaceship", "at": place_of(doubtful[2])},
    )
    page = admin.get(answer.location).text
    assert "no category" in page
    assert shown(page) == "Denim Jacket"


def test_a_redrawn_box_is_being_cut(
    admin: FlaskClient, doubtful: list[Item], shop: Shop, session: Session, queue: FakeQueue
) -> None:
    garment = garment_of(shop, doubtful[0], "jacket")
    fields = {"x0": "5", "y0": "6", "x1": "45", "y1": "60", "at": place_of(doubtful[0])}
    answer = admin.post(f"/admin/review/garments/{garment.id}/box", data=fields)
    page = admin.get(answer.location).text
    assert shown(page) == "Title of unsure"
    assert "Being re-cut" in page
    assert 'value="45"' in page
    assert [task.args[0] for task in queue.named(RECUT_PHOTO)] == [garment.photo_id]
    fields["x1"] = "wide"
    answer = admin.post(f"/admin/review/garments/{garment.id}/box", data=fields)
    assert "Give all four edges" in admin.get(answer.location).text


def test_an_excluded_garment_can_be_taken_back(
    admin: FlaskClient, doubtful: list[Item], shop: Shop, session: Session
) -> None:
    garment = garment_of(shop, doubtful[0], "shoes")
    at = {"at": place_of(doubtful[0])}
    admin.post(f"/admin/review/garments/{garment.id}/exclude", data=at)
    session.expire_all()
    assert garment.excluded
    answer = admin.post(f"/admin/review/garments/{garment.id}/undo", data=at)
    session.expire_all()
    assert (garment.excluded, garment.correction_id) == (False, None)
    assert "Taken back" in admin.get(answer.location).text


def test_a_garment_is_added_and_taken_back_where_nothing_was_found(
    admin: FlaskClient, doubtful: list[Item], session: Session, queue: FakeQueue
) -> None:
    photo = doubtful[1].photo_links[0].photo
    fields = {"x0": "5", "y0": "6", "x1": "45", "y1": "60", "at": place_of(doubtful[1])}
    address = f"/admin/review/photos/{photo.sha256}/add"
    answer = admin.post(address, data=fields | {"category": "jacket"})
    page = admin.get(answer.location).text
    assert "Being cut out" in page
    assert "Nothing found" not in counts(page)
    assert [task.args[0] for task in queue.named(RECUT_PHOTO)] == [photo.id]
    (correction,) = session.scalars(select(Correction)).all()
    admin.post(f"/admin/review/added/{correction.id}/undo", data={"at": place_of(doubtful[1])})
    assert counts(admin.get("/admin/review/").text)["Nothing found"] == 1


def test_a_photo_that_shows_nothing_is_said_to(
    admin: FlaskClient, doubtful: list[Item], session: Session
) -> None:
    photo = doubtful[1].photo_links[0].photo
    at = {"at": place_of(doubtful[1])}
    admin.post(f"/admin/review/photos/{photo.sha256}/empty", data=at)
    page = admin.get("/admin/review/?reason=reviewed").text
    assert shown(page) == "Title of nothing"
    assert "nothing to find in it" in page
    assert "Nothing found" not in counts(page)
    admin.post(f"/admin/review/photos/{photo.sha256}/unjudge", data=at)
    assert counts(admin.get("/admin/review/").text)["Nothing found"] == 1


def test_failed_photos_are_retried_or_taken_out(
    admin: FlaskClient, shop: Shop, session: Session, queue: FakeQueue
) -> None:
    item = shop.add_item("broken", state=PhotoState.FAILED)
    photo = item.photo_links[0].photo
    page = admin.get("/admin/review/").text
    assert "its worker died 3 times" in page
    assert counts(page)["Not indexed"] == 1
    at = {"at": place_of(item)}
    admin.post(f"/admin/review/photos/{photo.sha256}/ignore", data=at)
    assert "Not indexed" not in counts(admin.get("/admin/review/").text)
    assert "needs_review=1" not in admin.get("/").text
    admin.post(f"/admin/review/photos/{photo.sha256}/retry", data=at)
    assert [task.args[0] for task in queue.named(INDEX_PHOTOS)] == [[photo.id]]
    assert session.scalars(select(PhotoReview)).all() == []
    session.refresh(photo)
    assert photo.state is PhotoState.PENDING


def test_what_could_not_be_cut_is_tried_again(
    admin: FlaskClient, doubtful: list[Item], session: Session, queue: FakeQueue
) -> None:
    photo = doubtful[0].photo_links[0].photo
    session.add(Recut(photo_id=photo.id, attempts=3, reason="out of memory"))
    session.commit()
    page = admin.get("/admin/review/?reason=not_cut").text
    assert "could not be cut out: out of memory" in page
    at = {"at": place_of(doubtful[0])}
    page = admin.get(admin.post(f"/admin/review/photos/{photo.sha256}/cut", data=at).location).text
    assert [task.args[0] for task in queue.named(RECUT_PHOTO)] == [photo.id]
    assert "Not cut out" not in counts(page)


def test_a_photo_looked_up_by_itself_stays(
    admin: FlaskClient, shop: Shop, session: Session
) -> None:
    item = shop.add_item("fine", ("jacket",), category="Jackets")
    link = html.unescape(
        re.search(r'href="(/admin/review/\?at=[^"]+)"', admin.get(f"/items/{item.id}").text)[1]  # type: ignore[index]
    )
    page = admin.get(link).text
    assert shown(page) == "Title of fine"
    assert 'rel="next"' not in page
    data = {"at": place_of(item), "alone": "1", "category": "coat"}
    garment = shop.garments(item)[0]
    answer = admin.post(f"/admin/review/garments/{garment.id}/category", data=data)
    assert answer.location == link
    assert "seen as jacket" in admin.get(link).text


def test_visitors_see_no_link_to_it(client: FlaskClient, shop: Shop) -> None:
    item = shop.add_item("fine", ("jacket",))
    assert "/admin/review" not in client.get(f"/items/{item.id}").text


def test_a_garment_that_was_replaced_meanwhile_is_said_to(
    admin: FlaskClient, doubtful: list[Item]
) -> None:
    gone = UUID(int=7)
    answer = admin.post(f"/admin/review/garments/{gone}/accept", data={"at": place_of(doubtful[0])})
    assert f"no garment {gone}" in admin.get(answer.location).text


@pytest.mark.parametrize("query", ["at=999.999", "at=x", "cursor=1", "reason=zzz"])
def test_addresses_that_lead_nowhere_lead_to_the_queue(
    admin: FlaskClient, doubtful: list[Item], query: str
) -> None:
    answer = admin.get(f"/admin/review/?{query}", follow_redirects=True)
    assert answer.status_code == 200
    assert shown(answer.text) == "Title of unsure"


def test_an_empty_queue_says_so(admin: FlaskClient, shop: Shop) -> None:
    shop.add_item("fine", ("jacket",), category="Jackets")
    assert "Nothing to review" in admin.get("/admin/review/").text
    assert "Nothing has been reviewed yet" in admin.get("/admin/review/?reason=reviewed").text


def test_the_download_is_a_coco_file(admin: FlaskClient, doubtful: list[Item], shop: Shop) -> None:
    garment = garment_of(shop, doubtful[0], "jacket")
    admin.post(f"/admin/review/garments/{garment.id}/accept", data={})
    answer = admin.get("/admin/review/corrections.json")
    assert "attachment" in answer.headers["Content-Disposition"]
    content = json.loads(answer.text)
    assert [each["correction"] for each in content["annotations"]].count("accepted") == 1


def test_strangers_and_users_do_not_get_in(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    assert client.get("/admin/review/").location.startswith("/login?next=")
    app.config["WTF_CSRF_ENABLED"] = False
    create_user(session, "user@example.com", PASSWORD)
    session.commit()
    client.post("/login", data={"email": "user@example.com", "password": PASSWORD})
    assert client.get("/admin/review/").status_code == 403
    address = f"/admin/review/garments/{UUID(int=1)}/accept"
    assert client.post(address).status_code == 403


def test_every_form_carries_its_token(
    app: Flask, admin: FlaskClient, doubtful: list[Item], shop: Shop
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    page = admin.get("/admin/review/").text
    forms = re.findall(r'<form[^>]*method="post".*?</form>', page, re.S)
    assert len(forms) > 5
    assert all("csrf_token" in form for form in forms)
    garment = garment_of(shop, doubtful[0], "jacket")
    address = f"/admin/review/garments/{garment.id}/accept"
    assert admin.post(address).status_code == 400
    token = csrf_of(page)
    assert admin.post(address, data={"csrf_token": token}).status_code == 302


def test_the_number_of_statements_does_not_grow(
    admin: FlaskClient, shop: Shop, session: Session
) -> None:
    def add(number: int) -> None:
        item = shop.add_item(f"item {number}", ("bag", "shoes"), category="Jackets")
        assign_roles(session, [item.photo_links[0].photo_id])
        session.commit()

    engine = shop.services.engine
    for number in range(2):
        add(number)
    with counted_statements(engine) as few:
        admin.get("/admin/review/")
    for number in range(2, 9):
        add(number)
    with counted_statements(engine) as many:
        admin.get("/admin/review/")
    assert len(many) == len(few)


def test_the_crops_address_changes_when_it_is_cut_anew(
    admin: FlaskClient, shop: Shop, session: Session
) -> None:
    item = shop.add_item("fine", ("jacket",))
    garment = shop.garments(item)[0]
    address = f"/crops/{garment.id}.webp"
    assert "immutable" in admin.get(f"{address}?v=0").headers["Cache-Control"]
    plain = admin.get(address)
    assert "no-cache" in plain.headers["Cache-Control"]
    garment.crop_version = 1
    session.commit()
    assert f"{address}?v=1" in admin.get(f"/items/{item.id}").text
    assert "immutable" in admin.get(f"{address}?v=1").headers["Cache-Control"]
    again = admin.get(address, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.headers["ETag"]) == (200, f'"{garment.id}-1"')
    assert "no-cache" in admin.get(f"{address}?v=0").headers["Cache-Control"]
    same = admin.get(address, headers={"If-None-Match": again.headers["ETag"]})
    assert same.status_code == 304


def test_a_deleted_photo_takes_what_was_said_with_it(
    doubtful: list[Item], session: Session
) -> None:
    photo_id = doubtful[1].photo_links[0].photo_id
    session.add(PhotoReview(photo_id=photo_id, verdict=Verdict.EMPTY))
    session.add(Recut(photo_id=photo_id))
    session.commit()
    session.execute(Photo.__table__.delete().where(Photo.id == photo_id))
    session.commit()
    assert session.scalars(select(PhotoReview)).all() == []
