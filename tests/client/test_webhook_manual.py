"""The manual's ways to check a signature accept what is signed and nothing else."""

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

MANUAL = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
SECRET = "whsec_" + "c2VjcmV0" * 5


def signed(body: str, moment: datetime | None = None) -> dict[str, str]:
    moment = moment or datetime.now(UTC)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", moment, body),
    }


BODY = json.dumps({"type": "job.done", "timestamp": "2026-03-01T12:00:00Z", "data": {"job": "ü"}})
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
CASES = [
    (BODY, signed(BODY), True),
    (BODY, signed(BODY) | {"webhook-signature": "v1,AA== " + signed(BODY)["webhook-signature"]}, 1),
    (BODY.replace("done", "gone"), signed(BODY), False),
    (BODY, signed(BODY, LONG_AGO), False),
    (BODY, signed(BODY) | {"webhook-id": "msg_2"}, False),
    (BODY, signed(BODY) | {"webhook-signature": "v1"}, False),
    (BODY, {}, False),
]


def example(language: str, word: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL)
    return next(block for block in blocks if word in block)


@pytest.mark.parametrize(("body", "headers", "ours"), CASES)
def test_in_python(body: str, headers: dict[str, str], ours: bool) -> None:
    names: dict[str, Any] = {}
    exec(example("python", "read_event").replace("whsec_...", SECRET), names)
    assert names["receive"](body.encode(), headers) == (204 if ours else 401)


def test_in_javascript(tmp_path: Path) -> None:
    """By the node that comes with Playwright."""
    from playwright._impl._driver import compute_driver_executable

    node, _ = compute_driver_executable()
    questions = json.dumps([[body, headers, SECRET] for body, headers, _ in CASES])
    script = tmp_path / "check.mjs"
    ask = f"console.log(JSON.stringify({questions}.map((one) => isOurs(...one))));"
    script.write_text(example("js", "isOurs") + ask, encoding="utf-8")
    said = subprocess.run([node, script], capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == [bool(ours) for _, _, ours in CASES]
