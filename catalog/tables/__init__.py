"""The tables of a catalog: Postgres is the truth, everything else can be rebuilt from it.

Used by every room that opens a session. Rows know nothing of Flask, Celery or Qdrant.
"""

from catalog.tables.accounts import LoginLink, Token, User
from catalog.tables.base import Base, Float16Vector
from catalog.tables.index import EntryState, Generation, GenerationState, IndexEntry
from catalog.tables.jobs import (
    Job,
    JobKind,
    JobLog,
    JobState,
    ReindexKind,
    Upload,
    UploadGarment,
    UploadState,
)
from catalog.tables.shop import (
    Catalog,
    Correction,
    DiscardedPhoto,
    Embedding,
    Garment,
    Item,
    ItemPhoto,
    ItemSummary,
    ItemView,
    Photo,
    PhotoState,
    Role,
)
from catalog.tables.webhooks import DeliveryState, Webhook, WebhookDelivery

__all__ = [
    "Base",
    "Catalog",
    "Correction",
    "DeliveryState",
    "DiscardedPhoto",
    "Embedding",
    "EntryState",
    "Float16Vector",
    "Garment",
    "Generation",
    "GenerationState",
    "IndexEntry",
    "Item",
    "ItemPhoto",
    "ItemSummary",
    "ItemView",
    "Job",
    "JobKind",
    "JobLog",
    "JobState",
    "LoginLink",
    "Photo",
    "PhotoState",
    "ReindexKind",
    "Role",
    "Token",
    "Upload",
    "UploadGarment",
    "UploadState",
    "User",
    "Webhook",
    "WebhookDelivery",
]
