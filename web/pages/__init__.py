"""The pages that people see: one blueprint, one module for each area."""

from web.pages import admin, browse, login, search, tokens, webhooks

BLUEPRINTS = (
    browse.blueprint,
    search.blueprint,
    login.blueprint,
    admin.blueprint,
    tokens.blueprint,
    webhooks.blueprint,
)

__all__ = ["BLUEPRINTS"]
