"""What the catalog page narrows and sorts by, its text search, and crops of uploads.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_WORDS = (
    "lower(title || ' ' || coalesce(brand, '') || ' ' || sku || ' ' || coalesce(category, '')"
    " || ' ' || left(description, 500))"
)


def upgrade() -> None:
    # Trigrams find words with typos.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.add_column(
        "item", sa.Column("words", sa.Text(), sa.Computed(_WORDS, persisted=True), nullable=False)
    )
    op.create_index(
        "ix_item_words",
        "item",
        ["words"],
        postgresql_using="gin",
        postgresql_ops={"words": "gin_trgm_ops"},
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_photo_failed", "photo", ["id"], postgresql_where=sa.text("state = 'failed'")
    )
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
    # Uploads live an hour, and those of before have no crops.
    op.execute("DELETE FROM upload")
    op.add_column("upload_garment", sa.Column("crop", sa.LargeBinary(), nullable=False))


def downgrade() -> None:
    # The extension stays: others may use it by now.
    op.drop_column("upload_garment", "crop")
    op.drop_table("item_view")
    op.drop_table("item_summary")
    op.drop_index("ix_photo_failed", table_name="photo")
    op.drop_index("ix_item_words", table_name="item")
    op.drop_column("item", "words")
