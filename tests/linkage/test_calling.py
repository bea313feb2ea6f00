"""Telephones are rung by pages on the real stream: one for each, the urgent first, no more than the core carries, never twice."""

from __future__ import annotations

import asyncio

import pytest

from router import bus
from router.linkage.notifying import attempts, calling, requests
from router.linkage.notifying.calling import Caller
from router.linkage.notifying.ladder import Number
from telephony import contract
from tests import servers
from tests.calls.responder import Responder, done, responder
from tests.linkage.parts import CHIEF, SYSTEM, Station
from tests.linkage.test_drills import begin
from tests.storage.parts import run

GAS = "087163100001"


def ring(station: Station, valkey: servers.Valkey, *, width: int = 20, owners: tuple[str, ...] = ("w1",)) -> None:
    """One turn of each worker's caller, until all its questions are answered."""

    async def turn() -> None:
        client = bus.connect(valkey.url, name="test")
        callers = [Caller(client, station.database, owner, width, clock=lambda: station.now.timestamp()) for owner in owners]
        try:
            for one in callers:
                await one.once()
            await asyncio.gather(*(task for one in callers for task in list(one._tasks)))
        finally:
            await client.aclose()

    run(turn())


def pages(core: Responder) -> list[contract.Page]:
    return [one for one in core.commands if isinstance(one, contract.Page)]


def spoken(page: contract.Page) -> str:
    return "".join(piece.text for piece in page.speech if isinstance(piece, contract.Text))


def test_each_telephone_gets_one_page_that_says_what_is_asked(station: Station, valkey: servers.Valkey) -> None:
    event = station.started()
    with responder(valkey.url) as core:
        ring(station, valkey)
        ring(station, valkey)
    assert sorted(one.to for one in pages(core)) == [GAS, "119"], "and not twice"
    said = next(spoken(one) for one in pages(core) if one.to == GAS)
    assert "人民路12号" in said and "燃气泄漏" in said and "到场关阀" in said
    assert {one.state for one in station.attempts(event.id)} == {"sent"}


def test_what_waits_for_one_telephone_is_told_in_one_call_and_one_key_takes_it_all(
    station: Station, valkey: servers.Valkey
) -> None:
    found = [station.started(title=f"第{count}处").id for count in range(3)]
    with responder(valkey.url) as core:
        ring(station, valkey)
    mine = [one for one in pages(core) if one.to == GAS]
    assert len(mine) == 1 and "3项任务" in spoken(mine[0])
    station.answer(GAS, "accepted", mine[0].id)
    assert {station.request(event, "gas").state for event in found} == {"accepted"}


def test_no_more_pages_than_the_core_carries_and_the_urgent_go_first(station: Station, valkey: servers.Valkey) -> None:
    async def queue(work: object) -> None:
        for count in range(4):
            number = Number(f"0871631100{count:02d}")
            await attempts.queue(
                work,
                channel="phone",
                number=number,
                text="通知",
                post="gas",
                urgent=count == 3,  # type: ignore[arg-type]
            )

    station.do(SYSTEM, queue)
    with responder(valkey.url) as core:
        ring(station, valkey, width=2)
        ring(station, valkey, width=2)
    asked = {one.to: one.urgent for one in pages(core)}
    assert len(asked) == 2 and asked["087163110003"], "two at a time, and the urgent one is among the first"


def test_two_workers_never_ring_the_same_telephone(station: Station, valkey: servers.Valkey) -> None:
    station.started()
    with responder(valkey.url) as core:
        ring(station, valkey, owners=("w1", "w2"))
        ring(station, valkey, owners=("w2", "w1"))
    assert sorted(one.to for one in pages(core)) == [GAS, "119"]


def test_core_that_says_nothing_is_asked_again_for_the_same_page(
    station: Station, valkey: servers.Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "ANSWER", 0.3)
    event = station.started()
    ring(station, valkey)  # nobody is there
    first = {one.page_id for one in station.attempts(event.id)}
    station.wait(seconds=1)
    with responder(valkey.url) as core:
        ring(station, valkey)
        station.wait(seconds=1)
        ring(station, valkey)
    assert {one.id for one in pages(core)} == first and len(pages(core)) == 2, "asked anew once, and then it is taken on"


def test_number_that_the_core_refuses_fails_with_its_reason_and_the_next_is_tried(
    station: Station, valkey: servers.Valkey
) -> None:
    event = station.started()

    def refuse(command: contract.AnyCommand) -> list[contract.Event]:
        bad = isinstance(command, contract.Page) and command.to == GAS
        return [done(command, ok=not bad, code="number.forbidden" if bad else "", message="no dial rule" if bad else "")]

    with responder(valkey.url, refuse):
        ring(station, valkey)
    failed = next(one for one in station.attempts(event.id) if one.number == GAS)
    assert failed.outcome == "failed" and "number.forbidden" in str(failed.note)
    station.ring()
    assert "087163100002" in station.ringing(event.id)


def test_page_whose_end_is_never_told_is_lost_and_the_next_number_is_rung(station: Station, valkey: servers.Valkey) -> None:
    event = station.started()
    with responder(valkey.url):
        ring(station, valkey)
        station.wait(seconds=calling.LOST + 1)
        ring(station, valkey)
    assert {one.outcome for one in station.attempts(event.id) if one.number in (GAS, "119")} == {"lost"}


def test_test_call_is_never_in_one_page_with_an_emergency(station: Station, valkey: servers.Valkey) -> None:
    async def queue(work: object) -> None:
        await attempts.queue(
            work,
            channel="phone",
            number=Number(GAS),
            text="值班电话拨测",
            post="gas",
            urgent=False,
            test="t1",  # type: ignore[arg-type]
        )

    station.do(SYSTEM, queue)
    station.wait(seconds=1)
    station.started()
    with responder(valkey.url) as core:
        ring(station, valkey)
    assert ["拨测" in spoken(one) for one in pages(core) if one.to == GAS] == [False]


def test_drill_and_emergency_are_never_told_in_one_breath_and_the_emergency_goes_first(
    station: Station, valkey: servers.Valkey
) -> None:
    _, drill = begin(station, telephones={}, real=True)
    station.wait(seconds=1)
    event = station.started().id
    with responder(valkey.url) as core:
        ring(station, valkey)
        first = [one for one in pages(core) if one.to == GAS]
        assert ["演练" in spoken(one) for one in first] == [False]
        station.answer(GAS, "accepted", first[0].id)
        station.wait(seconds=calling.QUIET + 1)
        ring(station, valkey)
    assert ["演练" in spoken(one) for one in pages(core) if one.to == GAS] == [False, True]
    assert station.request(event, "gas").state == "accepted"
    assert station.request(drill, "gas").state == "asking", "the key was for what was told"


def test_taken_on_the_desk_while_it_rings_sends_the_end_of_the_page(station: Station, valkey: servers.Valkey) -> None:
    event = station.started()
    with responder(valkey.url) as core:
        ring(station, valkey)
        station.do(CHIEF, requests.cancel, station.request(event.id, "gas").id, "误报")
        page = station.told(attempts.STOP)[0]["page"]

        async def stop() -> str:
            client = bus.connect(valkey.url, name="test")
            try:
                found = await calling.Stopper(client).send(sending(page))
            finally:
                await client.aclose()
            return found.verdict

        assert run(stop()) == "taken"
    ended = [one.page for one in core.commands if isinstance(one, contract.StopPage)]
    assert ended == [page] and page in [one.id for one in pages(core) if one.to == GAS]


def sending(page: str) -> calling.Sending:
    return calling.Sending("d1", calling.STOP, page, attempts.STOP, None, 1, {"page": page}, 0)
