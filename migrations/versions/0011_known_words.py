"""The words that items are described by, to tell what a mistyped one means; room for any title.

Revision 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


_LEARN = r"""
    INSERT INTO known_word
    SELECT DISTINCT btrim(piece, '&''’.-')
    FROM (
        SELECT DISTINCT part
        FROM item CROSS JOIN string_to_table(words, ' ') AS parts (part)
        WHERE deleted_at IS NULL
    ) AS chunks
    CROSS JOIN regexp_split_to_table(part, '[^[:alpha:]&''’.-]+') AS pieces (piece)
    WHERE length(btrim(piece, '&''’.-')) BETWEEN 3 AND 40
"""
"""So that typos are forgiven before a worker of the new release has learned anything."""


_ON_SALE = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    _sort_titles_by('"left"(lower(title), 200)')
    op.create_table(
        "known_word",
        sa.Column("word", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_known_word")),
    )
    # The sweep asks each minute what has changed.
    op.create_index(
        "ix_item_updated_at",
        "item",
        ["updated_at"],
        postgresql_where=_ON_SALE,
    )
    # By the driver, which would take [:alpha:] for a parameter of SQLAlchemy's text otherwise.
    op.get_bind().exec_driver_sql(_LEARN)
    op.create_index(
        "ix_known_word_word",
        "known_word",
        ["word"],
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )


def downgrade() -> None:
    op.drop_index("ix_item_updated_at", table_name="item")
    op.drop_table("known_word")
    _sort_titles_by("lower(title)")


def _sort_titles_by(expression: str) -> None:
    op.drop_index("ix_item_title", table_name="item")
    op.create_index(
        "ix_item_title",
        "item",
        [sa.text(expression), sa.text("id DESC")],
        postgresql_where=_ON_SALE,
    )
