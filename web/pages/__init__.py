"""The pages that people see: one blueprint, one module for each area."""

from web.pages import admin, browse, jobs, login, reindex, search, tokens

BLUEPRINTS = (
    browse.blueprint,
    search.blueprint,
    login.blueprint,
    admin.blueprint,
    tokens.blueprint,
)

__all__ = ["BLUEPRINTS", "jobs", "reindex"]
