"""The command line: one clear line for each expected error, JSON where a program reads."""

from __future__ import annotations

import json
import shutil
import socket
import stat
from pathlib import Path

import pytest

from config import secrets, settings
from tests.hotline.conftest import run


def one_error(said: str) -> str:
    """The single line of an error message, with its remedy."""
    lines = said.strip().splitlines()
    assert len(lines) == 1, said
    assert lines[0].startswith("error: ")
    assert " — " in lines[0]
    return lines[0]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        *(
            [name]
            for name in (
                "up",
                "telephony",
                "worker",
                "doctor",
                "migrate",
                "seats",
                "config",
                "version",
                "ping",
                "calls",
                "api",
                "user",
            )
        ),
    ],
)
def test_every_command_explains_itself(arguments: list[str]) -> None:
    done = run(*arguments, "--help", env={})
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: ")
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["up", "--nonsense"], ["seats", "set-secret"], ["seats", "set-secret", "8001", "more"]]
)
def test_wrong_usage_is_one_line_and_status_2(arguments: list[str]) -> None:
    done = run(*arguments, env={})
    assert done.returncode == 2
    assert "--help`" in one_error(done.stderr)


def test_a_wrong_configuration_is_told_by_every_command(hotline_env: dict[str, str]) -> None:
    for command in (["up"], ["telephony"], ["migrate"], ["config", "check"]):
        done = run(*command, env=hotline_env | {"HOTLINE_ENV": "productive"})
        assert done.returncode == 2
        assert "HOTLINE_ENV" in one_error(done.stderr)


def test_config_check_names_every_problem(tmp_path: Path, hotline_env: dict[str, str]) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    for file in settings.DEFAULT_FOLDER.glob("*.yaml"):
        shutil.copy(file, folder)
    limits = folder / "limits.yaml"
    limits.write_text(limits.read_text().replace("rooms: 60", "rooms: 0").replace("pages: 20", "pages: 0"))
    env = hotline_env | {"HOTLINE_CONFIG_DIR": str(folder)}
    done = run("config", "check", env=env)
    assert done.returncode == 2
    assert [line.split(":")[3].strip() for line in done.stderr.splitlines()] == ["limits.rooms", "limits.pages"]
    told = json.loads(run("config", "check", "--json", env=env).stdout)
    assert [problem["key"] for problem in told["problems"]] == ["limits.rooms", "limits.pages"]
    assert run("config", "check", env=hotline_env).returncode == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "key"),
    [
        ("linkage/levels.yaml", "from_level: 3", "from_level: 9", "reporting.from_level"),
        ("plans/gas-leak.yaml", "kinds: [gas-leak]", "kinds: [gas-lake]", "kinds[0]"),
        ("drills/gas-leak.yaml", "kind: gas-leak", "kind: gas-lake", "event.kind"),
    ],
)
def test_what_emergencies_need_is_looked_through_before_anything_starts(
    tmp_path: Path, hotline_env: dict[str, str], file: str, old: str, new: str, key: str
) -> None:
    folder = tmp_path / "config"
    shutil.copytree(settings.DEFAULT_FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    broken = folder / file
    text = broken.read_text()
    assert old in text
    broken.write_text(text.replace(old, new, 1))
    env = hotline_env | {"HOTLINE_CONFIG_DIR": str(folder)}
    for command in (["up", "--check"], ["worker"], ["api"], ["config", "check"]):
        done = run(*command, env=env)
        assert done.returncode == 2, done.stderr
        assert f"{file}:" in one_error(done.stderr) and f" {key}:" in done.stderr
    told = json.loads(run("doctor", "--json", env=env).stdout)
    assert [one["status"] for one in told["checks"] if one["name"] == "emergencies"] == ["fail"]


def test_seats_are_listed_and_given_secrets(hotline_env: dict[str, str]) -> None:
    assert {row["secret"] for row in json.loads(run("seats", "list", "--json", env=hotline_env).stdout)} == {"none"}
    assert run("seats", "set-secret", "8001", env=hotline_env, text="long enough for us\n").returncode == 0
    rows = {row["seat"]: row for row in json.loads(run("seats", "list", "--json", env=hotline_env).stdout)}
    assert (rows["8001"]["secret"], rows["8002"]["secret"]) == ("set", "none")
    file = Path(hotline_env["HOTLINE_DATA_DIR"]) / "secrets" / "seats.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    stored = secrets.Secrets.stored(settings.load(env=hotline_env))
    assert stored.ha1("8001") == secrets.hashes("8001", "hotline", "long enough for us")


def test_an_unknown_seat_or_short_secret_is_refused(hotline_env: dict[str, str]) -> None:
    for seat, text in (("8999", "long enough for us\n"), ("8001", "short\n"), ("8001", "")):
        done = run("seats", "set-secret", seat, env=hotline_env, text=text)
        assert done.returncode == 2
        one_error(done.stderr)


def test_migrate_brings_the_schema(hotline_env: dict[str, str], postgres_url: str) -> None:
    for env in (hotline_env, hotline_env | {"HOTLINE_DATABASE_URL": postgres_url}):
        told = json.loads(run("migrate", "--json", env=env).stdout)
        assert told["before"] is None
        assert json.loads(run("migrate", "--json", env=env).stdout)["before"] == told["revision"]


def test_a_database_that_is_away_is_one_line(hotline_env: dict[str, str]) -> None:
    done = run("migrate", env=hotline_env | {"HOTLINE_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/none"})
    assert done.returncode == 1
    assert "u:p" not in one_error(done.stderr)


def test_ping_says_when_nobody_answers(hotline_env: dict[str, str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        env = hotline_env | {"HOTLINE_SIP_PORT": str(silent.getsockname()[1])}
        done = run("ping", "telephony", "--timeout", "0.2", env=env)
        assert silent.recv(65535).startswith(b"OPTIONS sip:127.0.0.1")
    assert done.returncode == 1
    assert "nobody answers" in one_error(done.stderr)
    assert run("ping", "worker", env=hotline_env).returncode == 1


def test_version_is_told() -> None:
    assert run("version", env={}).stdout.strip() == json.loads(run("version", "--json", env={}).stdout)["version"]
