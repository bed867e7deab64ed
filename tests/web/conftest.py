"""The app under test on real Postgres, clients for each role, and rows to show."""

import hashlib
import io
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy.orm import Session

from catalog.accounts import create_token, create_user
from catalog.masks import encode_mask, outline_of
from catalog.photos.decode import encode_crop
from catalog.photos.image_store import photo_key
from catalog.search.points import Point
from catalog.services import Services
from catalog.summaries import refresh_summaries
from catalog.tables import (
    Catalog,
    Embedding,
    EntryState,
    Garment,
    Generation,
    GenerationState,
    IndexEntry,
    Item,
    ItemPhoto,
    Photo,
    PhotoState,
    Role,
    User,
)
from web.app import create_app

PASSWORD = "correct horse battery"
DIMENSIONS = 8


@dataclass
class Api:
    """A client that sends one token."""

    client: FlaskClient
    token: str | None

    def __call__(self, method: str, path: str, **kwargs: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **kwargs)


@pytest.fixture
def app(services: Services) -> Flask:
    app = create_app(services)
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    return app


@pytest.fixture
def make_app(services: Services) -> Callable[..., Flask]:
    """Make the app with other settings."""

    def make(**changed: Any) -> Flask:
        settings = services.settings.model_copy(update=changed)
        return create_app(replace(services, settings=settings))

    return make


@pytest.fixture
def token(session: Session) -> str:
    secret = create_token(session, "a shop", ["admin"])
    session.commit()
    return secret


def bearer(token: str, **headers: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def api(app: Flask, session: Session) -> Callable[[str | None], Api]:
    """Make an API client by scope; None sends no token."""

    def make(scope: str | None) -> Api:
        token = create_token(session, f"{scope} token", [scope]) if scope else None
        session.commit()
        return Api(app.test_client(), token)

    return make


@pytest.fixture
def admin(app: Flask, session: Session) -> FlaskClient:
    """A browser that an admin has logged in with, without CSRF checks."""
    app.config["WTF_CSRF_ENABLED"] = False
    create_user(session, "admin@example.com", PASSWORD, is_admin=True)
    session.commit()
    client = app.test_client()
    client.post("/login", data={"email": "admin@example.com", "password": PASSWORD})
    return client


@pytest.fixture
def users(session: Session) -> dict[str, int]:
    """The ids of a user and of an admin, by role; nobody knows their passwords."""
    users = {
        role: User(email=f"{role}@example.com", password_hash="", is_admin=role == "admin")
        for role in ("user", "admin")
    }
    session.add_all(users.values())
    session.commit()
    return {role: user.id for role, user in users.items()}


def draw_photo(seed: int = 0, width: int = 60, height: int = 80) -> bytes:
    """A small JPEG, another for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG")
    return out.getvalue()


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Shop:
    """Puts indexed items into database, image store and index, as a worker would have."""

    session: Session
    services: Services
    generation: Generation
    catalogs: dict[str, Catalog] = field(default_factory=dict)

    def add_item(
        self,
        sku: str,
        categories: tuple[str, ...] = ("jacket",),
        direction: int = 0,
        catalog: str = "shop",
        state: PhotoState = PhotoState.INDEXED,
        **words: Any,
    ) -> Item:
        """An item with one photo; the first category is sold, the others are worn with it.

        Vectors of the same `direction` are near each other.
        """
        item = Item(catalog_id=self._catalog(catalog).id, sku=sku, title=f"Title of {sku}")
        for name, value in words.items():
            setattr(item, name, value)
        photo = self._add_photo(sku, state)
        self.session.add(item)
        self.session.flush()
        self.session.add(ItemPhoto(item_id=item.id, photo_id=photo.id, position=0))
        for place, category in enumerate(categories if state is PhotoState.INDEXED else ()):
            role = Role.WORN_WITH if place else Role.SOLD
            self._add_garment(item, catalog, photo, category, role, direction)
        refresh_summaries(self.session, [item.id])
        self.session.commit()
        return item

    def garments(self, item: Item) -> list[Garment]:
        photos = [link.photo for link in item.photo_links]
        return [garment for photo in photos for garment in photo.garments]

    def _catalog(self, name: str) -> Catalog:
        if name not in self.catalogs:
            self.catalogs[name] = Catalog(name=name)
            self.session.add(self.catalogs[name])
            self.session.flush()
        return self.catalogs[name]

    def _add_photo(self, sku: str, state: PhotoState) -> Photo:
        data = draw_photo(int(sha256_of(sku.encode())[:8], 16))
        sha256 = sha256_of(data)
        self.services.images.put(photo_key(sha256), data, "image/jpeg")
        photo = Photo(
            sha256=sha256,
            bytes=len(data),
            media_type="image/jpeg",
            width=60,
            height=80,
            state=state,
            reason="its worker died 3 times on this photo" if state is PhotoState.FAILED else None,
        )
        self.session.add(photo)
        self.session.flush()
        return photo

    def _add_garment(
        self, item: Item, catalog: str, photo: Photo, category: str, role: Role, direction: int
    ) -> None:
        mask = np.zeros((80, 60), dtype=bool)
        mask[10:50, 10:40] = True
        garment = Garment(
            id=uuid.uuid4(),
            photo_id=photo.id,
            segmenter=self.generation.segmenter,
            category=category,
            score=0.9,
            box=[10.0, 10.0, 40.0, 50.0],
            mask=encode_mask(mask),
            outline=outline_of(mask),
            crop=encode_crop(np.full((16, 16, 3), 128, dtype=np.uint8)),
            colours=[{"name": "navy", "hex": "#1b2a4a", "share": 0.8}],
            role=role,
        )
        vector = np.zeros(DIMENSIONS, dtype=np.float32)
        vector[direction] = 1.0
        vector[-1] = 0.001 * item.id
        vector /= np.linalg.norm(vector)
        self.session.add_all([garment])
        self.session.flush()
        embedder = self.generation.embedder
        self.session.add(Embedding(garment_id=garment.id, embedder=embedder, vector=vector))
        self.session.add(
            IndexEntry(
                generation_id=self.generation.id, garment_id=garment.id, state=EntryState.CLEAN
            )
        )
        payload = {
            "category": category,
            "role": role.value,
            "items": [item.id],
            "catalogs": [catalog],
            "brands": [item.brand] if item.brand else [],
            "prices": [float(item.price)] if item.price is not None else [],
            "in_stock": "no" if item.stock == 0 else "yes",
            "colours": ["navy"],
            "photo": photo.id,
            "v": 1,
        }
        self.services.index.upsert(self.generation.collection, [Point(garment.id, vector, payload)])


@pytest.fixture
def shop(session: Session, services: Services) -> Shop:
    generation = Generation(
        collection="garments_1",
        segmenter="segmenter-a",
        embedder="embedder-a",
        dimensions=DIMENSIONS,
        state=GenerationState.ACTIVE,
    )
    session.add(generation)
    session.commit()
    services.index.create_collection(generation.collection, DIMENSIONS)
    return Shop(session, services, generation)
