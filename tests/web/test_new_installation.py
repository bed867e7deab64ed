"""On a database that holds nothing yet every page opens and says what to do first."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.test_access import methods

REPORTS = ("/admin/coverage.csv", "/admin/duplicates.csv", "/admin/reindex/watch")
"""There is none to download, no job to watch."""

WORDS = {
    "/": "lookalike ingest",
    "/admin/": "There is no index yet",
    "/admin/coverage": "No report yet",
    "/admin/duplicates": "No report yet",
    "/admin/duplicates/dismissed": "Nothing is dismissed",
    "/admin/failures": "No failures",
    "/admin/health": "No check yet",
    "/admin/jobs": "No job yet",
    "/admin/reindex": "no index yet",
    "/admin/review/": "Nothing to review",
    "/admin/tokens/": "No token yet",
    "/admin/webhooks/": "No webhook yet",
    "/map": "No map yet",
}


def test_every_page_opens(app: Flask, admin: FlaskClient) -> None:
    wrong = {}
    for rule in app.url_map.iter_rules():
        is_page = not rule.rule.startswith(("/api/v1", "/readyz"))
        if "GET" in methods(rule) and not rule.arguments and is_page:
            status = admin.get(rule.rule).status_code
            if status not in ((404,) if rule.endpoint.startswith("embed.") else (200, 302)):
                wrong[rule.rule] = status
    assert wrong == dict.fromkeys(REPORTS, 404)


@pytest.mark.parametrize(("path", "words"), WORDS.items())
def test_it_says_that_there_is_nothing_and_what_to_do(
    admin: FlaskClient, path: str, words: str
) -> None:
    assert words.lower() in admin.get(path).text.lower()
