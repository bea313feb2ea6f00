"""Many pages at a time: a cap keeps rooms free, and callers get through."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from robots import ear
from robots.handset import Phone, answer
from robots.town import Town
from telephony import contract
from tests.town.look import Look


@pytest.fixture(scope="module")
def installation(waiting_room: Town) -> Town:
    return waiting_room


def test_many_pages_keep_under_their_cap_and_callers_get_through(town: Town, look: Look) -> None:
    names = [f"700{n}" for n in range(1, 7)]
    staff = {seat: town.seat(seat, answer()) for seat in names}
    operator, citizen = town.seat("8001", answer()), town.citizen("13800000406")
    town.everybody_ready()
    most = _Most(look)
    with ThreadPoolExecutor(2 * len(names) + 1) as many:
        watched = many.submit(most.watch)
        pages = {seat: many.submit(look.page, seat) for seat in names}
        pressed = [many.submit(_accept, phone) for phone in staff.values()]
        town.until(look.live, "the first pages")
        citizen.dial(town.number("12345"))
        citizen.hear(operator.tone)
        citizen.hang_up()
        for one in pressed:
            one.result()
        outcomes = {seat: page.result().outcome for seat, page in pages.items()}
        most.enough.set()
        watched.result()
    assert outcomes == dict.fromkeys(names, "accepted")
    assert most.pages == 2, "two at a time, and never more"
    assert not ear.silences(citizen.finished_tape(), 1.5)


def test_urgent_page_goes_before_those_that_wait(town: Town, look: Look) -> None:
    staff = {seat: town.seat(seat, answer()) for seat in ("7001", "7002", "7003", "7004")}
    town.everybody_ready()
    speech = (contract.Text("请注意。"),)
    for seat in ("7001", "7002", "7003"):
        assert look.do(contract.Page, to=seat, speech=speech).ok
    assert look.do(contract.Page, to="7004", speech=speech, urgent=True).ok
    _accept(staff["7001"])
    urgent = staff["7004"].wait_for("incoming", 60)
    assert not staff["7003"].seen("incoming"), "there was one free line, and the urgent page has it"
    _accept(staff["7002"])
    _accept(staff["7004"], urgent)
    _accept(staff["7003"])


def _accept(phone: Phone, came: dict[str, Any] | None = None) -> None:
    call = int((came or phone.wait_for("incoming", 60))["call"])
    phone.wait_for("answered", call=call)
    phone.tape_reaches(0.5, call=call)
    phone.keys("1", call)


class _Most:
    """How many pages are in progress at most."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self.enough = threading.Event()
        self.pages = 0

    def watch(self) -> None:
        while not self.enough.wait(0.02):
            self.pages = max(self.pages, sum(one.call.kind == "page" for one in self._look.live()))
