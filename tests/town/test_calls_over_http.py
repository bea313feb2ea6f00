"""A matter by phone, from the screen: a real call, its draft, its one-key transfer with the handoff's times, its recording."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from config import settings as configuration
from robots.handset import answer
from robots.town import Town
from router import ids
from router.access import passwords
from router.storage import vault
from router.storage.engine import Database
from router.storage.organisation import Account
from tests.storage.parts import run

PASSWORD = "only for this test 1"
PEOPLE = {"8001": ("operator", "12345"), "9101": ("police", "110")}


class Screen:
    """A person's browser, as far as this test needs one."""

    def __init__(self, town: Town, seat: str) -> None:
        self.town = town
        self._client = httpx.Client(base_url=town.summary["services"]["api"]["url"], timeout=20)
        signed = self._client.post("/api/v1/auth/sign-in", json={"username": f"screen-{seat}", "password": PASSWORD})
        assert signed.status_code == 200, signed.text
        self._client.headers["X-CSRF-Token"] = signed.json()["csrf"]
        self.topics: list[str] = []
        self.connected = threading.Event()
        self._following = threading.Thread(target=self._follow, daemon=True)
        self._following.start()
        assert self.connected.wait(10)

    def _follow(self) -> None:
        try:
            with self._client.stream("GET", "/api/v1/events", timeout=60) as stream:
                for line in stream.iter_lines():
                    self.connected.set()
                    if line.startswith("data:") and "topic" in line:
                        self.topics.append(json.loads(line[5:])["topic"])
        except (httpx.HTTPError, RuntimeError):
            pass  # the test is over

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self._client.get(f"/api/v1{path}", **more)

    def post(self, path: str, body: Any = None) -> Any:
        answered = self._client.post(f"/api/v1{path}", json=body)
        assert answered.status_code == 200, answered.text
        return answered.json()

    def until(self, path: str, what: str, fits: Any = bool, **more: Any) -> Any:
        """Ask again until it is there and fits."""

        def look() -> Any:
            answered = self.get(path, **more)
            return answered.json() if answered.status_code == 200 and fits(answered.json()) else None

        return self.town.until(look, what)

    def told(self, *topics: str) -> None:
        self.town.until(lambda: set(topics) <= set(self.topics), f"news of {topics}, not only {self.topics}")

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def people(town: Town) -> Iterator[None]:
    """Accounts for two seats."""
    settings = configuration.load(env=town.environment)

    async def add() -> None:
        database = Database(settings.database_url)
        try:
            await vault.unlock(database, settings.data_dir)
            now = dt.datetime.now(dt.UTC)
            hashed = passwords.hashed(PASSWORD, "")
            async with database.write() as session:
                for seat, (role, unit) in PEOPLE.items():
                    session.add(
                        Account(
                            id=ids.new(), username=f"screen-{seat}", name="张三", role=role, unit=unit, city="530100", seat=seat,
                            password=hashed, must_change=False, active=True, failures=0, created_at=now, updated_at=now,
                        )
                    )  # fmt: skip
        finally:
            await database.close()

    run(add())
    yield


@pytest.mark.usefixtures("people")
def test_a_call_its_draft_its_transfer_and_its_recording(town: Town) -> None:
    operator, linkage = town.seat("8001", answer()), town.seat("9101", answer(0.3))
    citizen = town.citizen("13800000077")
    town.everybody_ready()
    here, police = Screen(town, "8001"), Screen(town, "9101")
    try:
        citizen.dial(town.number("12345"))
        citizen.hear(operator.tone)
        (live,) = here.until("/calls/live", "the call on the screen", lambda found: found and found[0]["state"] == "talking")
        call = live["id"]
        assert (live["mine"], live["caller"], live["answered_by"]) == (True, "13800000077", "8001")
        assert police.get(f"/calls/{call}").status_code == 404, "nothing of 110's yet"
        draft = here.until(f"/calls/{call}/case", "the draft")
        assert (draft["state"], draft["caller_number"], draft["first_centre"]) == ("draft", "13800000077", "12345")
        here.told("call.changed", "party.changed", "seat.changed", "case.drafted")

        begun = here.post(f"/calls/{call}/transfers", {"kind": "one-key", "reason": "报称楼下有人斗殴"})
        assert begun["case"] == draft["id"] and begun["handoff"]["state"] == "offered"
        operator.wait_for("ended")
        citizen.hear(linkage.tone)
        handed = here.until(
            f"/calls/{call}/case", "the handoff's times", lambda found: found["handoffs"] and found["handoffs"][0]["answered_at"]
        )["handoffs"][0]
        assert handed["id"] == begun["handoff"]["id"]
        assert handed["offered_at"] <= handed["rung_at"] <= handed["answered_at"]
        (transfer,) = here.get(f"/calls/{call}").json()["transfers"]
        assert (transfer["id"], transfer["outcome"], transfer["answered_by"]) == (begun["transfer"], "answered", "9101")
        police.told("transfer.changed", "handoff.offered")

        police.post(f"/calls/{call}/hang-up")
        citizen.wait_for("ended")
        (recording,) = police.until(
            "/recordings", "the recording", lambda found: found["items"], params={"number": draft["number"]}
        )["items"]
        piece = police.get(f"/recordings/{recording['id']}/audio", headers={"Range": "bytes=0-43"})
        assert (piece.status_code, piece.content[:4], piece.content[8:12], len(piece.content)) == (206, b"RIFF", b"WAVE", 44)
        assert piece.headers["Content-Range"] == f"bytes 0-43/{recording['size']}"
        assert here.get(f"/recordings/{recording['id']}/audio").status_code == 403, "the police speak in it"
        police.told("recording.ready")
    finally:
        here.close()
        police.close()
