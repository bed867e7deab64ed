"""The pages that people see: one blueprint, one module for each area."""

from web.pages import admin, browse, login, review, search, tokens

BLUEPRINTS = (
    browse.blueprint,
    search.blueprint,
    login.blueprint,
    admin.blueprint,
    review.blueprint,
    tokens.blueprint,
)

__all__ = ["BLUEPRINTS"]
