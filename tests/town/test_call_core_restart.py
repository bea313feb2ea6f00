"""The call core is killed and comes back: seats are rung without registering again, pages in hand are made, records end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from robots.demo import hasten
from robots.handset import answer, ring
from robots.town import Town, free_port
from telephony import contract
from tests.town.look import Look


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town whose ports stay the same over a restart."""
    ports = {"HOTLINE_SIP_PORT": str(free_port()), "HOTLINE_TRUNK_PORT": str(free_port())}
    with Town(tmp_path_factory.mktemp("restart"), edit=hasten, variables=ports) as town:
        yield town


def kill_call_core(town: Town) -> None:
    """kill -9, and wait until calls can come again."""
    before = town.log.read_text().count("telephony.ready")
    process = psutil.Process(town.pid)
    core = next(child for child in process.children() if "telephony" in child.cmdline())
    rooms = core.children()
    core.kill()
    town.until(lambda: town.log.read_text().count("telephony.ready") > before, "the call core to come back")
    town.until(lambda: not any(room.is_running() for room in rooms), "the rooms of its former life to leave")


def test_call_core_that_is_killed_comes_back_with_its_seats(own: Town) -> None:
    operator = own.seat("8001", answer(0.1))
    duty = own.seat("7001", ring())
    other = own.seat("7002", ring())
    citizen = own.citizen("13800000901")
    own.everybody_ready()
    citizen.dial(own.number("12345"))
    citizen.hear(operator.tone)
    page = own.calls("page", "7001", "--text", "演练通知")["result"]["page"]
    needless = own.calls("page", "7002", "--text", "演练通知")["result"]["page"]
    for phone in (duty, other):
        phone.wait_for("incoming")
    duty.behave(answer(0.1))

    kill_call_core(own)
    stop(own, needless)

    citizen.wait_for("ended")
    operator.wait_for("ended")
    assert len(operator.seen("registered")) == 1
    again = own.until(lambda: own.calls("list", "--caller", citizen.user)["calls"], "the record")[0]
    own.until(lambda: own.calls("show", again["id"])["call"]["end_cause"] == "node_lost", "the record to be closed")

    duty.wait_for("answered", 30)
    duty.tape_reaches(1.0)
    duty.keys("1")
    done: Any = own.until(lambda: _page(own, page), "the page in hand to be made again")
    assert done["outcome"] == "accepted"
    stopped: Any = own.until(lambda: _page(own, needless), "the other page, which was begun anew as well, to be stopped")
    assert stopped["outcome"] == "stopped"

    citizen.dial(own.number("12345"))
    operator.wait_for("incoming")
    citizen.hear(operator.tone, call=2)
    citizen.hang_up()
    operator.wait_for("ended")


def stop(town: Town, page: str) -> None:
    look = Look(town)
    try:
        told = look.do(contract.StopPage, page=page)
    finally:
        look.close()
    assert told.result == {"ended": "stopped"}


def _page(town: Town, page: str) -> Any:
    for one in town.calls("list", "--kind", "page")["calls"]:
        for found in town.calls("show", one["id"])["pages"]:
            if found["id"] == page and found["outcome"] != "failed":
                return found
    return None
