"""What goes wrong has a clear outcome: strangers, floods, too many calls, a trunk that is down, files that have gone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robots import ear, tones, wav
from robots.demo import hasten
from robots.handset import Phone, answer
from robots.town import SECRET, Town
from tests.town.look import Look

GREETING = 1850
"""The city's own greeting in these tests, as Hz."""
ELSEWHERE = "127.0.0.9"
"""An address that is no trunk's."""


def strict(folder: Path) -> Any:
    """Two rooms, one of them for 110 alone; four wrong passwords are too many for three seconds; the trunk is one address; the
    greeting is a clip."""

    def edit(config: dict[str, Any]) -> None:
        hasten(config)
        config["limits"] |= {"rooms": 2, "rooms_spare": 2, "rooms_for_110": 1, "failures_to_ban": 4, "ban_seconds": 3}
        config["transfers"]["attempt"] = 4
        config["trunks"][0]["addresses"] = ["127.0.0.1"]
        config["prompts"]["greeting_12345"] = {"clip": "greeting.wav"}
        clip = folder / "config" / "prompts" / "greeting.wav"
        clip.parent.mkdir(exist_ok=True)
        wave = np.sin(2 * np.pi * GREETING * np.arange(2 * tones.RATE) / tones.RATE)
        wav.save(clip, (wave * tones.LEVEL * 32767).astype(np.int16))

    return edit


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("strict")
    with Town(folder, edit=strict(folder)) as town:
        yield town


def one_at_a_time(config: dict[str, Any]) -> None:
    config["trunks"][0]["max_calls"] = 1


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Town]:
    """An installation whose trunk takes one call at a time."""
    with Town(tmp_path, edit=one_at_a_time) as town:
        yield town


# --- strangers


def test_number_that_nobody_has_is_404_for_trunks_and_seats(town: Town) -> None:
    citizen, operator = town.citizen("13800000801"), town.seat("8001")
    town.everybody_ready()
    citizen.dial(town.number("8001"))
    assert citizen.wait_for("ended")["code"] == 404, "a trunk reaches service numbers only"
    operator.dial("8888")
    assert operator.wait_for("ended")["code"] == 404
    operator.dial("16812345678")
    assert operator.wait_for("ended")["code"] == 403, "premium numbers are forbidden"


def test_unknown_and_unauthenticated_seats_get_nowhere(town: Town, look: Look) -> None:
    unknown = town.seat("8999", secret=SECRET, name="unknown")
    nobody = town.seat("8002", secret=None, name="without secret", host=ELSEWHERE)
    unknown.ready()
    nobody.ready()
    assert unknown.wait_for("registration_failed")["code"] in (401, 403, 404)
    nobody.dial("12345")
    assert nobody.wait_for("ended")["code"] in (401, 403, 407)
    assert not look.live()


def test_flood_of_wrong_passwords_bans_one_user_at_one_address_for_a_while(town: Town) -> None:
    stranger = town.seat("8003", secret="wrong", name="stranger", host=ELSEWHERE)
    stranger.ready()
    for _ in range(5):
        assert stranger.wait_for("registration_failed")["code"] in (401, 403)
        stranger.register()
    owner = town.seat("8003", name="owner", host=ELSEWHERE)
    owner.ready()
    assert owner.wait_for("registration_failed")["code"] == 403, "banned, though the password is right now"
    at_home = town.seat("8003", answer(), name="at home")
    at_home.registered()
    citizen = town.citizen("13800000802")
    citizen.ready()
    citizen.dial(town.number("12345"))
    citizen.hear(at_home.tone)
    citizen.hang_up()

    def pardoned() -> bool:
        owner.register()
        return owner.wait_for(("registered", "registration_failed"))["event"] == "registered"

    town.until(pardoned, "the end of the ban")
    stranger.behave(answer())


# --- too many calls, and no way out


def test_without_a_free_room_12345_is_busy_and_110_waits_for_one(town: Town) -> None:
    first, second, third, fourth, fifth = (town.citizen(f"1380000081{n}") for n in range(5))
    town.everybody_ready()
    first.dial(town.number("12345"))
    first.wait_for("answered")
    second.dial(town.number("12345"))
    assert second.wait_for("ended")["code"] == 486
    third.dial(town.number("110"))
    third.wait_for("answered")
    began = fourth.dial(town.number("110"))
    dialled = fourth.seen("dialling", call=began)[0]["t"]
    refused = fourth.wait_for("ended")
    assert refused["code"] == 503 and refused["t"] - dialled > 2.5
    assert not [name for name in refused["headers"] if name.lower() == "retry-after"], "so that the carrier fails over"
    fifth.dial(town.number("110"))
    first.hang_up()
    fifth.wait_for("answered")
    fifth.hang_up()
    third.hang_up()


def test_refused_calls_are_on_record(town: Town, look: Look) -> None:
    first, second = town.citizen("13800000815"), town.citizen("13800000816")
    town.everybody_ready()
    first.dial(town.number("12345"))
    first.wait_for("answered")
    second.dial(town.number("12345"))
    second.wait_for("ended")
    first.hang_up()
    record = look.last(second.user)
    assert record.call is not None and record.call.end_cause == "refused"
    assert [p.sip_code for p in record.parties] == [486]


def test_trunk_that_has_as_many_calls_as_it_may_is_refused_more(narrow: Town) -> None:
    first, second = narrow.citizen("13800000817"), narrow.citizen("13800000818")
    narrow.everybody_ready()
    first.dial(narrow.number("12345"))
    first.wait_for("answered")
    second.dial(narrow.number("12345"))
    assert second.wait_for("ended")["code"] == 486
    first.hang_up()
    shown = narrow.until(lambda: narrow.calls("list", "--caller", second.user)["calls"], "the record of the refused call")
    assert shown[0]["end_cause"] == "refused"
    second.dial(narrow.number("12345"))
    second.wait_for("answered")
    second.hang_up()


def test_trunk_that_is_down_is_told_to_the_seat_that_dials_out(town: Town, look: Look) -> None:
    operator = town.seat("8001", answer())
    town.everybody_ready()
    operator.dial("13900000803")
    ended = operator.wait_for("ended", 30)
    assert ended["code"] in (480, 503)
    look.seat_is("8001", state="idle")


# --- files that have gone


def test_prompt_whose_file_has_gone_is_passed_over_and_heard_again_when_it_is_back(town: Town) -> None:
    clip = town.folder / "config" / "prompts" / "greeting.wav"
    kept = clip.with_suffix(".kept")
    first, second = town.citizen("13800000804", tone=2550), town.citizen("13800000805", tone=2650)
    town.everybody_ready()
    shutil.move(clip, kept)
    try:
        call = first.dial(town.number("12345"))
        first.tape_reaches(2.5, call=call)
        first.hang_up()
        first.wait_for("ended")
    finally:
        shutil.move(kept, clip)
    tape = first.finished_tape(call)
    assert not ear.silences(tape, 1.5), "music at least"
    assert not ear.hears(tape, GREETING)
    second.hear(GREETING, 1.0, call=town.until(lambda: _connected(town, second), "a free room"))
    assert "greeting.wav" in town.log.read_text()


def _connected(town: Town, caller: Phone) -> int:
    """The number of a new call to 12345; 0 if it was refused, as the room of an earlier call may still be clearing itself."""
    call = caller.dial(town.number("12345"))
    return call if caller.wait_for(("answered", "ended"), call=call)["event"] == "answered" else 0


def test_music_whose_file_has_gone_is_made_anew(town: Town, look: Look) -> None:
    (music,) = (town.data / "cache" / "sounds").glob("music-*.wav")
    town.seat("8001")
    citizen = town.citizen("13800000806", tone=2750)
    town.everybody_ready()
    look.seat_is("8001", status="available")
    look.status("8001", "paused")
    music.unlink()
    call = town.until(lambda: _connected(town, citizen), "a free room")
    citizen.tape_reaches(6, call=call)
    citizen.hang_up()
    assert not ear.silences(citizen.finished_tape(call), 1.5)
    assert music.exists()


# --- starts that are refused


def refused(town: Town, **variables: str) -> tuple[int, str]:
    """Status and words of a ``hotline up`` that must not start."""
    done = subprocess.run(
        [sys.executable, "-m", "hotline", "up", "--json"],
        env={name: value for name, value in (town.environment | variables).items() if value},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr and not done.stdout
    return done.returncode, done.stderr


def test_configuration_error_names_file_line_and_remedy(tmp_path: Path) -> None:
    town = Town(tmp_path)
    file = tmp_path / "config" / "limits.yaml"
    file.write_text(file.read_text().replace("pages: 20", "pages: many"))
    line = next(n for n, words in enumerate(file.read_text().splitlines(), 1) if "many" in words)
    status, words = refused(town)
    assert status == 2
    assert f"limits.yaml:{line}" in words and "pages" in words


def test_prompt_without_its_file_is_refused_at_the_start(tmp_path: Path) -> None:
    town = Town(tmp_path, edit=lambda config: config["prompts"].update(greeting_110={"clip": "missing.wav"}))
    status, words = refused(town)
    assert status == 2
    assert "missing.wav" in words and "prompts.yaml:" in words


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_port_in_use_is_told_with_the_variable_that_moves_it(tmp_path: Path, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        port = holder.getsockname()[1]
        status, words = refused(Town(tmp_path), HOTLINE_TRUNK_PORT=str(port))
    assert status == 1
    assert str(port) in words and "HOTLINE_TRUNK_PORT" in words


def test_production_refuses_demo_secrets_and_an_open_redis(tmp_path: Path, installation: Town) -> None:
    production = {"HOTLINE_ENV": "production", "HOTLINE_ADVERTISE": "192.0.2.1", "HOTLINE_BIND": "127.0.0.1"}
    town = Town(tmp_path)
    status, words = refused(town, **production)
    assert status == 2 and "HOTLINE_DEMO_PASSWORD" in words
    status, words = refused(town, **production, HOTLINE_DEMO_PASSWORD="", HOTLINE_REDIS_URL="redis://127.0.0.1:6379/0")
    assert status == 2 and "HOTLINE_REDIS_URL" in words and "password" in words
    shutil.copytree(installation.data / "secrets", town.data / "secrets")
    status, words = refused(town, **production, HOTLINE_DEMO_PASSWORD="")
    assert status == 2 and "demo" in words and os.fspath(SECRET) not in words
