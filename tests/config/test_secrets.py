"""The seats' SIP secrets: how they are made, kept and refused."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import stat
from pathlib import Path

import pytest

from config import settings
from config.errors import ConfigError
from config.secrets import Secrets
from config.settings import Settings


def development(folder: Path, **more: str) -> Settings:
    return settings.load(env={"HOTLINE_DATA_DIR": str(folder), **more})


def production(folder: Path) -> Settings:
    return development(folder, HOTLINE_ENV="production", HOTLINE_ADVERTISE="203.0.113.10")


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_development_makes_a_password_for_each_seat_once(tmp_path: Path) -> None:
    first = Secrets.open(development(tmp_path))
    assert set(first.created) == set(development(tmp_path).seats)
    assert len(set(first.created.values())) == len(first.created)
    again = Secrets.open(development(tmp_path))
    assert again.created == {}
    password = first.created["8001"]
    assert again.ha1("8001") == {
        "SHA-256": hashlib.sha256(f"8001:hotline:{password}".encode()).hexdigest(),
        "MD5": hashlib.md5(f"8001:hotline:{password}".encode()).hexdigest(),
    }
    assert again.ha1("8999") is None


def test_files_are_readable_by_their_owner_only_and_hold_no_password(tmp_path: Path) -> None:
    secrets = Secrets.open(development(tmp_path))
    assert len(secrets.server) == 32
    assert mode(tmp_path / "secrets") == 0o700
    assert mode(tmp_path / "secrets" / "seats.json") == 0o600
    assert mode(tmp_path / "secrets" / "server.key") == 0o600
    assert secrets.created["8001"] not in (tmp_path / "secrets" / "seats.json").read_text()


def test_the_server_secret_stays(tmp_path: Path) -> None:
    assert Secrets.open(development(tmp_path)).server == Secrets.open(development(tmp_path)).server


def test_one_demo_password_serves_all_but_those_set_by_hand(tmp_path: Path) -> None:
    Secrets.open(development(tmp_path)).set("8001", "set by hand 123")
    kept = Secrets.open(development(tmp_path)).ha1("8001")
    secrets = Secrets.open(development(tmp_path, HOTLINE_DEMO_PASSWORD="correct horse"))
    assert secrets.ha1("8001") == kept
    assert secrets.ha1("8002") == {
        "SHA-256": hashlib.sha256(b"8002:hotline:correct horse").hexdigest(),
        "MD5": hashlib.md5(b"8002:hotline:correct horse").hexdigest(),
    }
    assert set(secrets.created.values()) == {"correct horse"}
    assert Secrets.open(development(tmp_path, HOTLINE_DEMO_PASSWORD="correct horse")).created == {}


def test_production_makes_none_and_refuses_demo_ones(tmp_path: Path) -> None:
    assert Secrets.open(production(tmp_path)).seats_with_secret() == {}
    Secrets.open(development(tmp_path))
    with pytest.raises(ConfigError, match=r"demo secrets .* production refuses"):
        Secrets.open(production(tmp_path))
    # set-secret is still possible, and the way out
    stored = Secrets.stored(production(tmp_path))
    for seat in production(tmp_path).seats:
        stored.set(seat, f"long enough {seat}")
    assert Secrets.open(production(tmp_path)).ha1("8001") is not None


def test_a_running_service_sees_a_new_secret(tmp_path: Path) -> None:
    service = Secrets.open(development(tmp_path))
    before = service.ha1("8001")
    Secrets.stored(development(tmp_path)).set("8001", "another secret 1")
    assert service.ha1("8001") != before


def test_a_damaged_file_leaves_a_running_service_what_it_knew(tmp_path: Path) -> None:
    service = Secrets.open(development(tmp_path))
    known = service.ha1("8001")
    (tmp_path / "secrets" / "seats.json").write_text("{")
    assert service.ha1("8001") == known
    with pytest.raises(ConfigError, match="is damaged"):
        Secrets.open(development(tmp_path))


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Secrets.open(development(tmp_path))
    file = tmp_path / "secrets" / "seats.json"
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Secrets.open(development(tmp_path))


def test_secrets_of_another_realm_are_refused(tmp_path: Path) -> None:
    Secrets.open(development(tmp_path))
    with pytest.raises(ConfigError, match="HOTLINE_SIP_REALM=hotline"):
        Secrets.open(development(tmp_path, HOTLINE_SIP_REALM="other"))


@pytest.mark.parametrize("password", ["short", " leading blank", "line\nbreak 12345"])
def test_unfit_secrets_are_refused(tmp_path: Path, password: str) -> None:
    with pytest.raises(ValueError, match="a secret"):
        Secrets.stored(development(tmp_path)).set("8001", password)


def _open(folder: Path, results: multiprocessing.Queue[dict[str, str]]) -> None:
    results.put(Secrets.open(development(folder)).created)


def test_two_first_starts_at_once_make_one_set(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[dict[str, str]] = context.Queue()
    starts = [context.Process(target=_open, args=(tmp_path, results)) for _ in range(2)]
    for start in starts:
        start.start()
    told = [results.get(timeout=60) for _ in starts]
    for start in starts:
        start.join(60)
    assert sorted(len(created) for created in told) == [0, len(development(tmp_path).seats)]
    assert set(json.loads((tmp_path / "secrets" / "seats.json").read_text())["seats"]) == set(development(tmp_path).seats)
