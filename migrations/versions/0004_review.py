"""What people say about garments and photos: reviewed ones, redrawn boxes, and how to undo them.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _widen_corrections()
    _widen_garments()
    op.create_table(
        "photo_review",
        sa.Column("photo_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "verdict",
            sa.Enum(
                *("empty", "ignored"),
                name="verdict",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"],
            ["photo.id"],
            name=op.f("fk_photo_review_photo_id_photo"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("photo_id", name=op.f("pk_photo_review")),
    )
    op.create_table(
        "recut",
        sa.Column("photo_id", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("enqueued_at", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.Text()),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photo.id"], name=op.f("fk_recut_photo_id_photo"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("photo_id", name=op.f("pk_recut")),
    )


def downgrade() -> None:
    op.drop_table("recut")
    op.drop_table("photo_review")
    op.drop_index("ix_garment_stale", table_name="garment")
    op.drop_index("ix_garment_correction_id", table_name="garment")
    for column in ("crop_version", "boxed", "stale", "found", "correction_id"):
        op.drop_column("garment", column)
    op.drop_column("correction", "updated_at")
    op.drop_column("correction", "seen")


def _widen_corrections() -> None:
    op.add_column("correction", sa.Column("seen", sa.Text()))
    op.add_column(
        "correction",
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
    )


def _widen_garments() -> None:
    op.add_column("garment", sa.Column("correction_id", sa.Integer()))
    op.create_foreign_key(
        op.f("fk_garment_correction_id_correction"),
        "garment",
        "correction",
        ["correction_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.add_column("garment", sa.Column("found", postgresql.JSONB()))
    for column, start in (("stale", "false"), ("boxed", "false")):
        op.add_column(
            "garment",
            sa.Column(column, sa.Boolean(), server_default=sa.text(start), nullable=False),
        )
    op.add_column(
        "garment",
        sa.Column("crop_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_index(
        "ix_garment_correction_id",
        "garment",
        ["correction_id"],
        postgresql_where=sa.text("correction_id IS NOT NULL"),
    )
    op.create_index("ix_garment_stale", "garment", ["photo_id"], postgresql_where=sa.text("stale"))
