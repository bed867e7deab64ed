"""Which categories a person can choose from: the taxonomy of a segmenter, by what it has named.

Called by corrections and by the pages that offer them.
"""

from sqlalchemy import ScalarSelect, Text, column, exists, select, text
from sqlalchemy.orm import Session

from catalog.tables import Garment
from catalog.taxonomy import CATEGORIES, DEEPFASHION2_CATEGORIES, KFASHION_CATEGORIES

_TAXONOMIES = (CATEGORIES, KFASHION_CATEGORIES, DEEPFASHION2_CATEGORIES)

# From one name to the next through the index: the number of garments does not matter.
_NAMES = (
    text(
        """
    WITH RECURSIVE named AS (
      (SELECT category FROM garment ORDER BY category LIMIT 1)
      UNION ALL
      SELECT (SELECT category FROM garment WHERE category > named.category
              ORDER BY category LIMIT 1)
      FROM named WHERE named.category IS NOT NULL
    )
    SELECT category FROM named WHERE category IS NOT NULL
    """
    )
    .columns(column("category", Text))
    .subquery("names")
)


def known_categories(session: Session, segmenter: str | ScalarSelect[str]) -> tuple[str, ...]:
    """The first taxonomy that has all names which this segmenter has given, in its own order.

    Of a segmenter with names of its own: those, and the shipped ones.
    """
    used = exists().where(Garment.category == _NAMES.c.category, Garment.segmenter == segmenter)
    named = session.scalars(select(_NAMES.c.category).where(used)).all()
    for taxonomy in _TAXONOMIES:
        if set(named) <= set(taxonomy):
            return taxonomy
    return (*CATEGORIES, *(name for name in named if name not in CATEGORIES))
