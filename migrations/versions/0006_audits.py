"""Jobs of further kinds, how often a worker has begun one, and what audits have found.

Revision 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _allow_kinds("ingest", "reindex", "audit", "map")
    op.add_column(
        "job", sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.create_index(
        "uq_job_one_of_its_kind",
        "job",
        ["kind"],
        unique=True,
        postgresql_where=sa.text("kind IN ('audit', 'map') AND state IN ('queued', 'running')"),
    )
    _create_finding()
    _create_dismissed_pair()


def downgrade() -> None:
    op.drop_table("dismissed_pair")
    op.drop_table("finding")
    op.drop_index("uq_job_one_of_its_kind", table_name="job")
    op.drop_column("job", "attempts")
    op.execute("DELETE FROM job WHERE kind IN ('audit', 'map')")
    _allow_kinds("ingest", "reindex")


def _create_finding() -> None:
    kinds = ("index", "coverage", "pair", "duplicates")
    op.create_table(
        "finding",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                *kinds, name="findingkind", native_enum=False, create_constraint=True, length=16
            ),
            nullable=False,
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("item_id", sa.BigInteger(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("weight", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("detail", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name=op.f("fk_finding_job_id_job"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["item_id"], ["item.id"], name=op.f("fk_finding_item_id_item"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
        sa.UniqueConstraint("job_id", "kind", "key", name=op.f("uq_finding_job_id_kind_key")),
    )
    op.create_index("ix_finding_job_id_kind_weight", "finding", ["job_id", "kind", "weight", "id"])
    op.create_index("ix_finding_item_id", "finding", ["item_id"])


def _create_dismissed_pair() -> None:
    table = "dismissed_pair"
    columns = ("item_id", "other_id")
    op.create_table(
        table,
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in columns),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("item_id < other_id", name=op.f("ck_dismissed_pair_smaller_first")),
        *(
            sa.ForeignKeyConstraint(
                [name], ["item.id"], name=op.f(f"fk_{table}_{name}_item"), ondelete="CASCADE"
            )
            for name in columns
        ),
        sa.PrimaryKeyConstraint(*columns, name=op.f("pk_dismissed_pair")),
    )
    op.create_index("ix_dismissed_pair_other_id", table, ["other_id"])


def _allow_kinds(*kinds: str) -> None:
    op.drop_constraint(op.f("ck_job_jobkind"), "job", type_="check")
    op.create_check_constraint(op.f("ck_job_jobkind"), "job", sa.column("kind").in_(kinds))
