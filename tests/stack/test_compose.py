"""What docker-compose.yml promises; no Docker engine is needed to hold it to that."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.settings import Settings
from stack.postgres import LOCALE

_ROOT = Path(__file__).parents[2]
_COMPOSE = yaml.safe_load((_ROOT / "docker-compose.yml").read_text())
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_SERVERS = ("postgres", "redis", "qdrant")
_LASTING = sorted(set(_SERVICES) - {"migrate"})
_OURS = sorted(set(_SERVICES) - set(_SERVERS))


def _secrets() -> set[str]:
    return set(re.findall(r"\$\{(\w+):\?", (_ROOT / "docker-compose.yml").read_text()))


@pytest.mark.parametrize("name", _LASTING)
def test_every_lasting_service_says_whether_it_is_healthy(name: str) -> None:
    assert _SERVICES[name]["healthcheck"]["test"]
    assert _SERVICES[name]["restart"] == "unless-stopped"


def test_only_the_web_app_is_published() -> None:
    assert [name for name, service in _SERVICES.items() if "ports" in service] == ["web"]


@pytest.mark.parametrize("name", _SERVERS)
def test_the_servers_are_on_the_inner_network_only(name: str) -> None:
    assert _SERVICES[name]["networks"] == ["back"]
    assert _COMPOSE["networks"]["back"]["internal"] is True


def test_only_the_workers_that_send_webhooks_have_a_way_out() -> None:
    sending = [name for name, service in _SERVICES.items() if "out" in service["networks"]]
    assert sending == [name for name in _SERVICES if name.endswith("-interactive")]
    assert not (_COMPOSE["networks"]["out"] or {}).get("internal")


@pytest.mark.parametrize("name", _SERVICES)
def test_data_is_in_named_volumes(name: str) -> None:
    sources = [volume.split(":")[0] for volume in _SERVICES[name]["volumes"]]
    assert sources
    assert set(sources) <= set(_COMPOSE["volumes"])


@pytest.mark.parametrize("name", _SERVERS)
def test_the_servers_do_not_run_as_root(name: str) -> None:
    assert _SERVICES[name]["user"] not in ("", "root", "0", "0:0")


@pytest.mark.parametrize("name", _OURS)
def test_our_images_do_not_run_as_root(name: str) -> None:
    dockerfile = (_ROOT / _SERVICES[name]["build"]["dockerfile"]).read_text()
    last_stage = dockerfile.rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER 10001$", last_stage, re.MULTILINE)
    assert _SERVICES[name]["cap_drop"] == ["ALL"]


def test_no_secret_has_a_default_and_the_example_names_them_all() -> None:
    example = (_ROOT / ".env.example").read_text()
    assert _secrets() == {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "QDRANT_API_KEY", "SECRET_KEY"}
    for name in _secrets():
        assert re.search(rf"^{name}=$", example, re.MULTILINE)


def test_the_example_gives_no_variable_that_nothing_reads() -> None:
    compose = (_ROOT / "docker-compose.yml").read_text()
    given = re.findall(r"^(\w+)=", (_ROOT / ".env.example").read_text(), re.MULTILINE)
    assert [name for name in given if f"${{{name}" not in compose] == []


@pytest.mark.parametrize("name", _OURS)
def test_our_services_get_settings_that_exist(name: str) -> None:
    known = {field.upper() for field in Settings.model_fields}
    assert set(_SERVICES[name]["environment"]) <= known


@pytest.mark.parametrize("name", _OURS)
def test_every_setting_can_be_given_to_our_services(name: str) -> None:
    assert _SERVICES[name]["env_file"] == [{"path": "settings.env", "required": False}]


@pytest.mark.parametrize("name", _SERVERS)
def test_the_servers_get_no_settings_of_ours(name: str) -> None:
    assert "env_file" not in _SERVICES[name]


def test_no_access_log_writes_login_links_down() -> None:
    assert "--access-logfile" not in (_ROOT / "docker" / "web.Dockerfile").read_text()


def test_every_setting_is_described() -> None:
    described = (_ROOT / "docs" / "operating.md").read_text()
    settings = {field.upper() for field in Settings.model_fields}
    assert {name for name in settings if f"| `{name}` |" not in described} == set()


def test_postgres_has_the_locale_of_the_embedded_one() -> None:
    arguments = _SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()
    assert set(LOCALE) <= set(arguments)


def test_redis_keeps_its_queue_and_asks_for_a_password() -> None:
    script = _SERVICES["redis"]["command"][-1]
    for line in ("appendonly yes", "maxmemory-policy noeviction", "requirepass $$REDIS_PASSWORD"):
        assert line in script


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_each_profile_has_a_bulk_and_an_interactive_worker(kind: str) -> None:
    workers = [service for service in _SERVICES.values() if service.get("profiles") == [kind]]
    queues = [service["command"][service["command"].index("-Q") + 1] for service in workers]
    assert sorted(queues) == ["bulk", "interactive"]


def test_only_the_gpu_profile_asks_for_a_gpu() -> None:
    asking = {name for name, service in _SERVICES.items() if "deploy" in service}
    assert asking == {"worker-gpu", "worker-gpu-interactive"}
    for name in asking:
        devices = _SERVICES[name]["deploy"]["resources"]["reservations"]["devices"]
        assert devices[0]["capabilities"] == ["gpu"]


def test_nothing_of_ours_starts_before_the_tables_are_there() -> None:
    for name in set(_OURS) - {"migrate"}:
        condition = _SERVICES[name]["depends_on"]["migrate"]["condition"]
        assert condition == "service_completed_successfully"


def test_the_web_image_has_no_torch() -> None:
    dockerfile = (_ROOT / "docker" / "web.Dockerfile").read_text()
    assert "requirements/web.txt" in dockerfile
    assert "COPY models" not in dockerfile
    assert not re.search(r"^torch", (_ROOT / "requirements" / "web.txt").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", ["web", "worker"])
def test_an_image_copies_only_what_is_there_and_not_ignored(name: str) -> None:
    allowed = (_ROOT / ".dockerignore").read_text().splitlines()
    dockerfile = (_ROOT / "docker" / f"{name}.Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--)(.+)$", dockerfile, re.MULTILINE):
        for source in line.split()[:-1]:
            assert f"!{source.split('/')[0]}" in allowed
            assert (_ROOT / source).exists()


@pytest.mark.parametrize("name", ["web", "worker"])
def test_an_image_holds_what_the_command_line_imports(name: str) -> None:
    dockerfile = (_ROOT / "docker" / f"{name}.Dockerfile").read_text()
    tree = ast.parse((_ROOT / "lookalike.py").read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    rooms = {str(module).split(".")[0] for module in imported}
    for room in rooms:
        assert not (_ROOT / room).is_dir() or f"COPY {room} {room}\n" in dockerfile
