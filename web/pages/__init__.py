"""The pages that people see: one blueprint, one module for each area."""

from web.pages import admin, browse, login, map, search, tokens

BLUEPRINTS = (
    browse.blueprint,
    search.blueprint,
    map.blueprint,
    login.blueprint,
    admin.blueprint,
    tokens.blueprint,
)

__all__ = ["BLUEPRINTS"]
