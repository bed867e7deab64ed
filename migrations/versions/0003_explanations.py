"""Why two garments match: explanations that workers make and that expire.

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "explanation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("garment_id", sa.Uuid(), nullable=True),
        sa.Column("upload_garment_id", sa.Uuid(), nullable=True),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("embedder", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "done",
                "failed",
                name="explanationstate",
                native_enum=False,
                length=16,
                create_constraint=True,
            ),
            server_default="pending",
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "descriptors",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("other_place", sa.Text(), nullable=True),
        sa.Column("heat", sa.LargeBinary(), nullable=True),
        sa.Column("other_heat", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "asked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint(
            "num_nonnulls(garment_id, upload_garment_id) = 1",
            name=op.f("ck_explanation_one_query"),
        ),
        sa.ForeignKeyConstraint(
            ["garment_id"],
            ["garment.id"],
            name=op.f("fk_explanation_garment_id_garment"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["other_id"],
            ["garment.id"],
            name=op.f("fk_explanation_other_id_garment"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["upload_garment_id"],
            ["upload_garment.id"],
            name=op.f("fk_explanation_upload_garment_id_upload_garment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_explanation")),
        sa.UniqueConstraint(
            "garment_id",
            "other_id",
            "embedder",
            name=op.f("uq_explanation_garment_id_other_id_embedder"),
        ),
        sa.UniqueConstraint(
            "upload_garment_id",
            "other_id",
            "embedder",
            name=op.f("uq_explanation_upload_garment_id_other_id_embedder"),
        ),
    )
    op.create_index("ix_explanation_other_id", "explanation", ["other_id"])
    op.create_index("ix_explanation_created_at", "explanation", ["created_at"])
    op.create_index(
        "ix_explanation_pending",
        "explanation",
        ["asked_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )


def downgrade() -> None:
    op.drop_table("explanation")
