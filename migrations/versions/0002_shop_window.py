"""What the shop window needs: text search, facets, reviews, maps, audits, webhooks.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Trigrams find words with typos.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_table(
        "explanation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("garment_id", sa.Uuid(), nullable=False),
        sa.Column("other_garment_id", sa.Uuid(), nullable=False),
        sa.Column("embedder", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "done",
                "failed",
                name="explanationstate",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            server_default="pending",
            nullable=False,
        ),
        sa.Column(
            "descriptors",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("heat", sa.LargeBinary(), nullable=True),
        sa.Column("other_heat", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_explanation")),
    )
    op.create_index("ix_explanation_created_at", "explanation", ["created_at"], unique=False)
    op.create_index(
        "uq_explanation_pair",
        "explanation",
        ["garment_id", "other_garment_id", "embedder"],
        unique=True,
    )
    op.create_table(
        "webhook",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
        sa.UniqueConstraint("url", name=op.f("uq_webhook_url")),
    )
    op.create_table(
        "answered_write",
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["token_id"],
            ["token.id"],
            name=op.f("fk_answered_write_token_id_token"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_answered_write")),
    )
    op.create_index("ix_answered_write_created_at", "answered_write", ["created_at"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "done",
                "failed",
                name="deliverystate",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            server_default="pending",
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhook.id"],
            name=op.f("fk_delivery_webhook_id_webhook"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(op.f("ix_delivery_webhook_id"), "delivery", ["webhook_id"], unique=False)
    op.create_table(
        "catalog_map",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("segmenter", sa.Text(), nullable=False),
        sa.Column("embedder", sa.Text(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("points", sa.LargeBinary(), nullable=False),
        sa.Column("garment_ids", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name=op.f("fk_catalog_map_job_id_job"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_map")),
    )
    op.create_table(
        "finding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "few_alike",
                "same",
                name="findingkind",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=True),
        sa.Column("garment_id", sa.Uuid(), nullable=False),
        sa.Column("other_garment_id", sa.Uuid(), nullable=True),
        sa.Column("value", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["item.id"], name=op.f("fk_finding_item_id_item"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name=op.f("fk_finding_job_id_job"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["item.id"], name=op.f("fk_finding_other_id_item"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    op.create_index(op.f("ix_finding_item_id"), "finding", ["item_id"], unique=False)
    op.create_index(op.f("ix_finding_job_id"), "finding", ["job_id"], unique=False)
    op.create_index("ix_finding_kind_value", "finding", ["kind", "value"], unique=False)
    op.create_index(op.f("ix_finding_other_id"), "finding", ["other_id"], unique=False)
    op.create_table(
        "item_summary",
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("segmenter", sa.Text(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("colours", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("garments", sa.Integer(), nullable=False),
        sa.Column("review", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["item.id"], name=op.f("fk_item_summary_item_id_item"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("item_id", "segmenter", name=op.f("pk_item_summary")),
    )
    op.create_index(
        "ix_item_summary_review",
        "item_summary",
        ["segmenter", "item_id"],
        unique=False,
        postgresql_where=sa.text("review <> '{}'"),
    )
    op.create_table(
        "item_view",
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.Column("views", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"], ["item.id"], name=op.f("fk_item_view_item_id_item"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_item_view")),
    )
    op.create_index("ix_item_view_views", "item_view", ["views"], unique=False)
    op.add_column(
        "garment",
        sa.Column("reviewed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "garment",
        sa.Column("redrawn", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "ix_garment_redrawn",
        "garment",
        ["photo_id"],
        unique=False,
        postgresql_where=sa.text("redrawn"),
    )
    op.add_column(
        "item",
        sa.Column(
            "words",
            sa.Text(),
            sa.Computed(
                "lower(title || ' ' || coalesce(brand, '') || ' ' || sku || ' '"
                " || coalesce(category, '') || ' ' || left(description, 500))",
                persisted=True,
            ),
            nullable=False,
        ),
    )
    op.create_index(
        "ix_item_brand",
        "item",
        ["brand"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_item_price",
        "item",
        ["price", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_item_words",
        "item",
        ["words"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"words": "gin_trgm_ops"},
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_index(
        op.f("uq_job_one_reindex"),
        table_name="job",
        postgresql_where=sa.text("kind = 'reindex' AND state IN ('queued', 'running')"),
    )
    op.create_index(
        "uq_job_one_of_kind",
        "job",
        ["kind"],
        unique=True,
        postgresql_where=sa.text("kind <> 'ingest' AND state IN ('queued', 'running')"),
    )
    op.add_column(
        "photo",
        sa.Column("reviewed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        "ix_photo_failed",
        "photo",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'failed'"),
    )
    _allow_jobs("ingest", "reindex", "map", "audit")
    # Uploads live an hour, and those of before have no crops.
    op.execute("DELETE FROM upload")
    op.add_column("upload_garment", sa.Column("crop", sa.LargeBinary(), nullable=False))


def downgrade() -> None:
    # The extension stays: others may use it by now.
    op.execute("DELETE FROM job WHERE kind IN ('map', 'audit')")
    _allow_jobs("ingest", "reindex")
    op.drop_column("upload_garment", "crop")
    op.drop_index(
        "ix_photo_failed", table_name="photo", postgresql_where=sa.text("state = 'failed'")
    )
    op.drop_column("photo", "reviewed")
    op.drop_index(
        "uq_job_one_of_kind",
        table_name="job",
        postgresql_where=sa.text("kind <> 'ingest' AND state IN ('queued', 'running')"),
    )
    op.create_index(
        op.f("uq_job_one_reindex"),
        "job",
        ["kind"],
        unique=True,
        postgresql_where=sa.text("kind = 'reindex' AND state IN ('queued', 'running')"),
    )
    op.drop_index(
        "ix_item_words",
        table_name="item",
        postgresql_using="gin",
        postgresql_ops={"words": "gin_trgm_ops"},
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_index(
        "ix_item_price", table_name="item", postgresql_where=sa.text("deleted_at IS NULL")
    )
    op.drop_index(
        "ix_item_brand", table_name="item", postgresql_where=sa.text("deleted_at IS NULL")
    )
    op.drop_column("item", "words")
    op.drop_index("ix_garment_redrawn", table_name="garment", postgresql_where=sa.text("redrawn"))
    op.drop_column("garment", "redrawn")
    op.drop_column("garment", "reviewed")
    op.drop_index("ix_item_view_views", table_name="item_view")
    op.drop_table("item_view")
    op.drop_index(
        "ix_item_summary_review",
        table_name="item_summary",
        postgresql_where=sa.text("review <> '{}'"),
    )
    op.drop_table("item_summary")
    op.drop_index(op.f("ix_finding_other_id"), table_name="finding")
    op.drop_index("ix_finding_kind_value", table_name="finding")
    op.drop_index(op.f("ix_finding_job_id"), table_name="finding")
    op.drop_index(op.f("ix_finding_item_id"), table_name="finding")
    op.drop_table("finding")
    op.drop_table("catalog_map")
    op.drop_index(op.f("ix_delivery_webhook_id"), table_name="delivery")
    op.drop_index(
        "ix_delivery_due", table_name="delivery", postgresql_where=sa.text("state = 'pending'")
    )
    op.drop_table("delivery")
    op.drop_index("ix_answered_write_created_at", table_name="answered_write")
    op.drop_table("answered_write")
    op.drop_table("webhook")
    op.drop_index("uq_explanation_pair", table_name="explanation")
    op.drop_index("ix_explanation_created_at", table_name="explanation")
    op.drop_table("explanation")


def _allow_jobs(*kinds: str) -> None:
    op.drop_constraint(op.f("ck_job_jobkind"), "job", type_="check")
    allowed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f("ck_job_jobkind"), "job", f"kind IN ({allowed})")
