"""The pages that people see: one blueprint, one module for each area."""

from web.pages import (
    admin,
    audit,
    browse,
    jobs,
    login,
    map,
    reindex,
    review,
    search,
    tokens,
    webhooks,
    why,
)

BLUEPRINTS = (
    browse.blueprint,
    search.blueprint,
    map.blueprint,
    login.blueprint,
    admin.blueprint,
    audit.blueprint,
    review.blueprint,
    tokens.blueprint,
    webhooks.blueprint,
)

__all__ = ["BLUEPRINTS", "jobs", "reindex", "why"]
