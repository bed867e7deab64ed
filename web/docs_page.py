"""The interactive page of the API at /api/docs: Swagger UI, served from here.

Registered by `web.app`. Its page is our own template, without a script inside.
"""

from flask import Blueprint, Flask
from flask_swagger_ui import get_swaggerui_blueprint

_ADDRESS = "/api/docs"
_CONFIG = {
    "layout": "BaseLayout",
    "validatorUrl": None,  # it would send the document to somebody else's server
    "deepLinking": False,  # its links stand inside buttons, where no keyboard finds them
    "docExpansion": "list",
    "defaultModelsExpandDepth": 0,
    "displayRequestDuration": True,
    "filter": True,
    "oauth2RedirectUrl": None,
    "dom_id": None,
}


def register_docs_page(app: Flask) -> None:
    page: Blueprint = get_swaggerui_blueprint(
        _ADDRESS, "/api/openapi.json", config=_CONFIG, blueprint_name="api_docs"
    )
    app.register_blueprint(page)
