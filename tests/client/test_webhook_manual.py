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
Case = tuple[str, dict[str, str], bool]


def cases() -> dict[str, Case]:
    """Bodies with headers, and whether they are ours; signed now, for signatures soon expire."""
    fresh = signed(BODY)
    two = {"webhook-signature": "v1,AA== " + fresh["webhook-signature"]}
    return {
        "signed": (BODY, fresh, True),
        "one of two signatures": (BODY, fresh | two, True),
        "another body": (BODY.replace("done", "gone"), fresh, False),
        "long ago": (BODY, signed(BODY, LONG_AGO), False),
        "another id": (BODY, fresh | {"webhook-id": "msg_2"}, False),
        "half a signature": (BODY, fresh | {"webhook-signature": "v1"}, False),
        "no headers": (BODY, {}, False),
    }


def example(language: str, word: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL)
    return next(block for block in blocks if word in block)


@pytest.mark.parametrize("name", cases())
def test_in_python(name: str) -> None:
    body, headers, ours = cases()[name]
    names: dict[str, Any] = {}
    exec(example("python", "read_event").replace("whsec_...", SECRET), names)
    assert names["receive"](body.encode(), headers) == (204 if ours else 401)


def test_in_javascript(tmp_path: Path) -> None:
    """By the node that comes with Playwright."""
    from playwright._impl._driver import compute_driver_executable

    node, _ = compute_driver_executable()
    asked = list(cases().values())
    questions = json.dumps([[body, headers, SECRET] for body, headers, _ in asked])
    script = tmp_path / "check.mjs"
    ask = f"console.log(JSON.stringify({questions}.map((one) => isOurs(...one))));"
    script.write_text(example("js", "isOurs") + ask, encoding="utf-8")
    said = subprocess.run([node, script], capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == [ours for _, _, ours in asked]
