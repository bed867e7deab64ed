"""Indexes that serve the catalog page: its orders, and what its facets are counted over.

Revision 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ON_SALE = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    for name, columns in (
        ("ix_item_cheapest", [sa.text("price ASC NULLS LAST"), sa.text("id DESC")]),
        ("ix_item_dearest", [sa.text("price DESC NULLS LAST"), sa.text("id DESC")]),
        ("ix_item_title", [sa.text("lower(title)"), sa.text("id DESC")]),
    ):
        op.create_index(name, "item", columns, postgresql_where=_ON_SALE)
    op.create_index(
        "ix_item_facets",
        "item",
        ["id"],
        postgresql_include=["catalog_id", "brand", "price", "stock"],
        postgresql_where=_ON_SALE,
    )
    op.create_index(
        "ix_item_view_views", "item_view", [sa.text("views DESC"), sa.text("item_id DESC")]
    )


def downgrade() -> None:
    op.drop_index("ix_item_view_views", table_name="item_view")
    for name in ("ix_item_facets", "ix_item_title", "ix_item_dearest", "ix_item_cheapest"):
        op.drop_index(name, table_name="item")
