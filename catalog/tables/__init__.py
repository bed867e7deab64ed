"""The tables of a catalog: Postgres is the truth, everything else can be rebuilt from it.

Used by every room that opens a session. Rows know nothing of Flask, Celery or Qdrant.
"""

from catalog.tables.accounts import LoginLink, Token, User
from catalog.tables.answers import IdempotentAnswer
from catalog.tables.audits import DismissedPair, Finding, FindingKind
from catalog.tables.base import Base, Float16Vector
from catalog.tables.explanations import Explanation, ExplanationState
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
from catalog.tables.maps import CatalogMap
from catalog.tables.measuring import Comparison, KnownCheckpoint, Work, WorkRate
from catalog.tables.review import PhotoReview, Recut, Verdict
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
    KnownWord,
    Photo,
    PhotoState,
    Role,
)
from catalog.tables.webhooks import DeliveryState, Webhook, WebhookDelivery

__all__ = [
    "Base",
    "Catalog",
    "CatalogMap",
    "Comparison",
    "Correction",
    "DeliveryState",
    "DiscardedPhoto",
    "DismissedPair",
    "Embedding",
    "EntryState",
    "Explanation",
    "ExplanationState",
    "Finding",
    "FindingKind",
    "Float16Vector",
    "Garment",
    "Generation",
    "GenerationState",
    "IdempotentAnswer",
    "IndexEntry",
    "Item",
    "ItemPhoto",
    "ItemSummary",
    "ItemView",
    "Job",
    "JobKind",
    "JobLog",
    "JobState",
    "KnownCheckpoint",
    "KnownWord",
    "LoginLink",
    "Photo",
    "PhotoReview",
    "PhotoState",
    "Recut",
    "ReindexKind",
    "Role",
    "Token",
    "Upload",
    "UploadGarment",
    "UploadState",
    "User",
    "Verdict",
    "Webhook",
    "WebhookDelivery",
    "Work",
    "WorkRate",
]
