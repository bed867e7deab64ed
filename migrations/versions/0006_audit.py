"""Jobs of further kinds, and how often a worker has begun one.

Revision 0006, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0002"
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


def downgrade() -> None:
    op.drop_index("uq_job_one_of_its_kind", table_name="job")
    op.drop_column("job", "attempts")
    op.execute("DELETE FROM job WHERE kind IN ('audit', 'map')")
    _allow_kinds("ingest", "reindex")


def _allow_kinds(*kinds: str) -> None:
    op.drop_constraint(op.f("ck_job_jobkind"), "job", type_="check")
    op.create_check_constraint(op.f("ck_job_jobkind"), "job", sa.column("kind").in_(kinds))
