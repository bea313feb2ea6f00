"""Recordings over HTTP: found by number, heard in pieces, with a trace; the police's only by those who may."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from api.recordings import ranges
from config.settings import Settings
from router import ids
from router.storage.casework import Case
from router.storage.journal import JournalEntry
from router.storage.organisation import Grant
from telephony import contract
from tests.api.calls import Floor, floor
from tests.api.parts import T0, run
from tests.storage import facts

NOW = T0.timestamp()
RECORDINGS = "/api/v1/recordings"
AUDIO = bytes(range(256)) * 2000
"""512,000 bytes: several pieces of a stream."""
DIGEST = hashlib.sha256(AUDIO).hexdigest()


def put(settings: Settings, name: str = "r1", audio: bytes = AUDIO) -> Path:
    folder = settings.recordings_dir / "2026/05/06"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.wav"
    file.write_bytes(audio)
    return file


def ready(name: str, call: str, **more: Any) -> contract.RecordingReady:
    base = {"path": f"recordings/2026/05/06/{name}.wav", "size": len(AUDIO), "started_at": NOW - 50}
    event = facts.recording(name, call, **{**base, **more})
    return contract.RecordingReady(
        **{**{f: getattr(event, f) for f in event.__struct_fields__}, "sha256": more.get("sha256", DIGEST)}
    )


async def one_of_12345(here: Floor, call: str = "c1", name: str = "r1") -> None:
    """A call that only 12345 had to do with, and its recording."""
    await here.talk(call, "8001")
    put(here.stand.state.settings, name)
    await here.record(ready(name, call))


def test_a_recording_is_heard_whole_and_in_pieces(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await one_of_12345(here)
            one = await here.at("8001")
            url = f"{RECORDINGS}/r1/audio"
            whole = await one.get(url)
            assert (whole.status_code, whole.content == AUDIO) == (200, True)
            assert whole.headers["ETag"] == f'"{DIGEST}"'
            assert (whole.headers["Content-Type"], whole.headers["Accept-Ranges"]) == ("audio/wav", "bytes")
            assert whole.headers["X-Recording-Integrity"] == "whole"
            assert whole.headers["Content-Length"] == str(len(AUDIO))

            for asked, first, last in (
                ("bytes=0-99", 0, 99),
                ("bytes=200000-400000", 200_000, 400_000),
                ("bytes=511999-", 511_999, 511_999),
                ("bytes=500000-9999999", 500_000, 511_999),
                ("bytes=-100", 511_900, 511_999),
            ):
                piece = await one.get(url, headers={"Range": asked})
                assert (piece.status_code, piece.content == AUDIO[first : last + 1]) == (206, True), asked
                assert piece.headers["Content-Range"] == f"bytes {first}-{last}/512000"

            beyond = await one.get(url, headers={"Range": "bytes=512000-"})
            assert (beyond.status_code, beyond.json()["code"]) == (416, "recording.range")
            assert beyond.headers["Content-Range"] == "bytes */512000"

            for tag, status in ((f'"{DIGEST}"', 206), ('"other"', 200), ("Wed, 06 May 2026 01:00:00 GMT", 200)):
                answer = await one.get(url, headers={"Range": "bytes=0-9", "If-Range": tag})
                assert answer.status_code == status, tag

            head = await one.head(url, headers={"Range": "bytes=0-9"})
            assert (head.status_code, head.content, head.headers["Content-Length"]) == (206, b"", "10")

    run(go())


def test_one_listening_leaves_one_trace_before_its_first_byte(settings: Settings) -> None:
    async def go() -> None:
        async with floor(settings) as here:
            await here.furnish()
            await one_of_12345(here)
            draft = await here.draft("c1")
            one = await here.at("8001")
            url = f"{RECORDINGS}/r1/audio"
            await one.head(url)
            await one.get(url, headers={"Range": "bytes=999999-"})
            assert await here.noted("recording.read") == [], "nothing was heard"
            for begin in range(0, 5000, 1000):
                await one.get(url, headers={"Range": f"bytes={begin}-{begin + 999}"})
            (noted,) = await here.noted("recording.read")
            assert (noted.chain, noted.subject, noted.actor) == (f"case:{draft.id}", "r1", one.account.id)
            assert noted.detail["call"] == "c1"

            again = await here.stand.sign_in("operator", unit="12345", username="at-8001")
            await again.get(url)
            assert len(await here.noted("recording.read")) == 2, "another session is another listening"
            here.stand.clock.move(601)
            await one.get(url)
            assert len(await here.noted("recording.read")) == 3, "so is the same one later"

    run(go())


def test_without_a_trace_nothing_is_heard(sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await one_of_12345(here)
            one = await here.at("8001")
            file = put(sqlite_settings)

            async def fails(*_: Any, **__: Any) -> None:
                raise OSError("the journal can't be written")

            monkeypatch.setattr("router.access.audit.looked", fails)
            before = _open_files(file)
            answer = await one.get(f"{RECORDINGS}/r1/audio")
            assert answer.status_code >= 500 and AUDIO[:100] not in answer.content
            assert _open_files(file) == before == 0

    run(go())


def _open_files(file: Path) -> int:
    links = Path("/proc/self/fd").iterdir()
    return sum(1 for link in links if os.path.realpath(link) == str(file.resolve()))


def test_what_the_police_speak_in_is_for_police_and_their_supervisors(settings: Settings) -> None:
    async def go() -> None:
        async with floor(settings) as here:
            await here.furnish()
            await here.talk("c1", "8001", "9101")
            put(here.stand.state.settings)
            await here.record(ready("r1", "c1"))
            draft = await here.draft("c1")
            url = f"{RECORDINGS}/r1/audio"
            for seat, status in (("8001", 403), ("8090", 403), ("9101", 200), ("9090", 200), ("9201", 404)):
                answer = await (await here.at(seat)).get(url)
                assert answer.status_code == status, seat
                listed = (await (await here.at(seat)).get(RECORDINGS, params={"call": "c1"})).json()["items"]
                assert [one["playable"] for one in listed] == ([status == 200] if status != 404 else []), seat
            assert {row.subject for row in await here.noted("access.refused")} == {"r1"}
            assert (await (await here.stand.sign_in("agency")).get(url)).status_code == 403

            await shared(here, draft, until=NOW + 60)
            assert (await (await here.at("8001")).get(url)).status_code == 200
            here.stand.clock.move(61)
            assert (await (await here.at("8001")).get(url)).status_code == 403, "a grant ends"

    run(go())


def test_nobody_makes_a_call_of_others_part_of_a_matter_to_hear_it(settings: Settings) -> None:
    async def go() -> None:
        async with floor(settings) as here:
            await here.furnish()
            await here.talk("c1", "8001")
            draft = await here.draft("c1")
            await here.talk("c2", "8001", "9101")
            await here.talk("c3", "9101")
            put(here.stand.state.settings)
            await here.record(ready("r1", "c2"))
            operator, police = await here.at("8001"), await here.at("9101")
            link = f"/api/v1/cases/{draft.id}/calls"
            assert (await operator.post(link, json={"call": "c3"})).status_code == 404
            told = await operator.post("/api/v1/cases", json={"words": "路灯坏了", "call": "c3"})
            assert (told.status_code, told.json()["code"]) == (404, "not_found")
            assert [row.subject for row in await here.noted("access.refused")] == ["c3", "c3"]

            await shared(here, draft, until=NOW + 60)
            refused = await operator.post(link, json={"call": "c2"})
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
            assert (await operator.get(f"{RECORDINGS}/r1/audio")).status_code == 403
            here.stand.clock.move(61)
            assert (await operator.post(link, json={"call": "c2"})).status_code == 204, "without a grant it opens nothing"
            assert (await operator.get(f"{RECORDINGS}/r1/audio")).status_code == 403
            assert (await operator.post(link, json={"call": "not-stored-yet"})).status_code == 204
            assert (await police.get(f"{RECORDINGS}/r1/audio")).status_code == 200

    run(go())


async def shared(here: Floor, case: Case, until: float) -> None:
    async with here.stand.state.database.write() as session:
        session.add(
            Grant(
                id=ids.new(), from_unit="110", to_unit="12345", case_id=case.id, fields=["recordings"], purpose="核对",
                since=T0 - dt.timedelta(hours=1), until=dt.datetime.fromtimestamp(until, dt.UTC), revoked_at=None, by="test",
            )
        )  # fmt: skip


def test_clues_about_stability_are_heard_by_few(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await here.furnish()
            await one_of_12345(here)
            draft = await here.draft("c1")
            async with here.stand.state.database.write() as session:
                (await session.get_one(Case, draft.id)).confidentiality = "stability"
            statuses = [(await (await here.at(seat)).get(f"{RECORDINGS}/r1/audio")).status_code for seat in ("8001", "8090")]
            assert statuses == [403, 200]

    run(go())


def test_recordings_are_found_by_the_number_of_any_paper(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await here.furnish()
            await one_of_12345(here, "c1", "r1")
            await one_of_12345(here, "c2", "r2")
            draft = await here.draft("c1")
            one = await here.at("8001")

            async def names(**query: Any) -> list[str]:
                answer = await one.get(RECORDINGS, params=query)
                assert answer.status_code == 200, answer.text
                return [each["id"] for each in answer.json()["items"]]

            assert sorted(await names()) == ["r1", "r2"]
            assert await names(number=draft.number) == ["r1"]
            assert await names(case=draft.id) == ["r1"]
            assert await names(call="c2") == ["r2"]
            assert await names(since="2026-05-06T01:00:00Z") == []
            assert (await one.get(RECORDINGS, params={"number": "S-nothing"})).status_code in (404, 422)
            police = await here.at("9101")
            assert (await police.get(RECORDINGS, params={"case": draft.id})).status_code == 404

    run(go())


def test_a_file_that_is_gone_or_altered_is_told(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await one_of_12345(here)
            one = await here.at("8001")
            file = put(sqlite_settings)
            assert (await one.get(f"{RECORDINGS}/r1")).json()["integrity"] == "whole"
            file.write_bytes(AUDIO[:-1] + b"!")
            assert (await one.get(f"{RECORDINGS}/r1")).json()["integrity"] == "altered"
            answer = await one.get(f"{RECORDINGS}/r1/audio")
            assert (answer.status_code, answer.json()["code"]) == (409, "recording.altered")
            assert answer.json()["facts"]["recorded"] == DIGEST
            anyway = await one.get(f"{RECORDINGS}/r1/audio", params={"altered": True})
            assert (anyway.status_code, anyway.headers["X-Recording-Integrity"]) == (200, "altered")
            assert anyway.headers["ETag"] != f'"{DIGEST}"'
            file.unlink()
            answer = await one.get(f"{RECORDINGS}/r1/audio")
            assert (answer.status_code, answer.json()["code"]) == (410, "recording.gone")
            assert (await one.get(f"{RECORDINGS}/r1")).json()["integrity"] == "missing"
            assert (await one.get(f"{RECORDINGS}/r9/audio")).status_code == 404

    run(go())


def test_a_path_never_leads_out_of_the_folder(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await here.talk("c1", "8001")
            data = sqlite_settings.data_dir
            secret = data / "outside.wav"
            secret.write_bytes(b"secret" * 100)
            folder = put(sqlite_settings, "plain").parent
            (folder / "link.wav").symlink_to(secret)
            os.mkfifo(folder / "pipe.wav")
            paths = ("recordings/../outside.wav", str(secret), "recordings/2026/05/06/link.wav", "recordings",
                     "recordings/2026/05/06/pipe.wav", "recordings/2026/05/06/none.wav", "")  # fmt: skip
            one = await here.at("8001")
            for number, path in enumerate(paths):
                await here.record(ready(f"x{number}", "c1", path=path))
                answer = await one.get(f"{RECORDINGS}/x{number}/audio", params={"altered": True})
                assert (answer.status_code, answer.json()["code"]) == (410, "recording.gone"), path

    run(go())


def test_export_is_for_supervisors_and_noted_apart(sqlite_settings: Settings) -> None:
    async def go() -> None:
        async with floor(sqlite_settings) as here:
            await one_of_12345(here)
            url = f"{RECORDINGS}/r1/export"
            assert (await (await here.at("8001")).get(url)).status_code == 403
            boss = await here.at("8090")
            file = await boss.get(url)
            assert (file.status_code, file.content == AUDIO) == (200, True)
            assert file.headers["Content-Disposition"] == 'attachment; filename="r1.wav"'
            actions = [row.action for row in await here.rows(JournalEntry, JournalEntry.subject == "r1")]
            assert sorted(actions) == ["access.refused", "recording.export"]

    run(go())


@pytest.mark.parametrize(
    ("header", "piece"),
    [
        (None, None),
        ("", None),
        ("items=0-1", None),
        ("bytes=0-1,5-6", None),
        ("bytes=9-3", None),
        ("bytes=x-y", None),
        ("bytes=-", None),
        ("bytes=0-", (0, 9)),
        ("BYTES= 3-5 ", (3, 5)),
        ("bytes=-99", (0, 9)),
        ("bytes=9-9", (9, 9)),
    ],
)
def test_ranges_are_read_as_the_rfc_says(header: str | None, piece: tuple[int, int] | None) -> None:
    found = ranges.read(header, 10)
    assert (None if found is None else (found.first, found.last)) == piece


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)])
def test_a_range_outside_of_the_file_can_not_be_had(header: str, size: int) -> None:
    with pytest.raises(ranges.Unsatisfiable):
        ranges.read(header, size)
