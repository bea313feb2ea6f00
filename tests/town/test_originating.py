"""Calls that begin with our dialling: call-backs, and pages with a key, to seats and to the public network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from robots.handset import Phone, answer, reject, ring
from robots.town import Town
from telephony import contract
from tests.town.look import Look
from tests.town.prompts import Prompts

TEXT = "燃气泄漏，请立即到场。"


def presses(phone: Phone, keys: str, patience: float = 20) -> None:
    """Answer a page, hear something, press keys."""
    call = int(phone.wait_for("incoming", patience)["call"])
    phone.wait_for("answered", call=call)
    phone.tape_reaches(0.8, call=call)
    phone.keys(keys, call)


# --- call-backs


def test_callback_rings_the_seat_and_then_the_citizen(town: Town, look: Look, prompts: Prompts) -> None:
    operator, citizen = town.seat("8001", answer()), town.outside(user="13700000401", behaviour=answer(0.3))
    town.everybody_ready()
    reply = town.calls("callback", "8001", "13700000401", "--about", "an-earlier-call")
    rang = operator.wait_for("incoming")
    came = citizen.wait_for("incoming")
    assert rang["t"] < came["t"]
    assert rang["headers"]["X-Hotline-Kind"] == "callback" and rang["caller"] == "13700000401"
    assert (came["dialled"], came["caller"]) == ("13700000401", "12345")
    assert not [name for name in came["headers"] if name.lower().startswith("x-hotline")], "nothing of ours goes outside"
    citizen.hear(operator.tone)
    operator.hear(citizen.tone)
    prompts.hear(citizen, "callback_intro")
    operator.hang_up()
    citizen.wait_for("ended")
    record = look.ended(reply["result"]["call"], recording=True)
    assert record.call is not None
    assert (record.call.kind, record.call.after, record.call.answered_by) == ("callback", "an-earlier-call", "8001")


@pytest.mark.parametrize(("behaviour", "cause"), [(reject(486), "busy"), (reject(603, 0.2), "refused")])
def test_callback_that_the_citizen_does_not_take_is_told_to_the_operator(
    town: Town, look: Look, prompts: Prompts, behaviour: dict[str, object], cause: str
) -> None:
    operator, citizen = town.seat("8001", answer()), town.outside(behaviour=behaviour)
    town.everybody_ready()
    reply = look.do(contract.CallBack, seat="8001", number="13700000402")
    citizen.wait_for("incoming")
    prompts.hear(operator, "callback_failed", seconds=1)
    operator.wait_for("ended")
    record = look.ended(reply.result["call"])
    assert next(p.end_cause for p in record.parties if p.role == "caller") == cause
    assert record.call is not None and record.call.answered_at is None


def test_callback_to_a_seat_that_is_busy_or_a_number_that_is_forbidden_is_refused(town: Town, look: Look) -> None:
    town.everybody_ready()
    told = town.hotline("calls", "callback", "8001", "16812345678", ok=False)
    assert "number.forbidden" in told
    reply = look.do(contract.CallBack, seat="8001", number="13700000403")
    record = look.ended(reply.result["call"]).call
    assert record is not None and record.end_cause == "failed"


# --- pages


def test_pages_to_seats_tell_every_outcome_apart(town: Town, look: Look) -> None:
    keys = {"7001": "1", "7002": "2", "7003": "3"}
    staff = {seat: town.seat(seat, answer(0.2)) for seat in ("7001", "7002", "7003", "7006")}
    town.seat("7004", reject(486))
    town.seat("7005", reject(603, 0.2))
    absent = town.seat("8002", ring())
    town.everybody_ready()
    wanted = {
        "7001": "accepted",
        "7002": "refused",
        "7003": "escalated",
        "7004": "busy",
        "7005": "rejected",
        "7006": "no_key",
        "8002": "no_answer",
        "8003": "unreachable",
    }
    with ThreadPoolExecutor(len(wanted) + len(keys)) as many:
        pages = {to: many.submit(look.page, to, repeats=0, ring=4) for to in wanted}
        for pressed in [many.submit(presses, staff[seat], key) for seat, key in keys.items()]:
            pressed.result()
        ended = {to: page.result() for to, page in pages.items()}
    assert {to: page.outcome for to, page in ended.items()} == wanted
    assert {to: ended[to].digit for to in keys} == keys
    assert ended["8002"].rang_at is not None and ended["8002"].answered_at is None
    assert ended["7006"].answered_at is not None
    absent.wait_for("ended")
    for seat in wanted:
        look.seat_is(seat, state="idle")


def test_page_is_repeated_by_star_and_a_wrong_key_counts_for_nothing(town: Town, look: Look, prompts: Prompts) -> None:
    duty = town.seat("7001", answer())
    town.everybody_ready()
    speech = prompts.text(TEXT)
    with ThreadPoolExecutor(1) as beside:
        page = beside.submit(look.page, "7001", speech=speech)
        prompts.hear(duty, speech)
        duty.keys("7")
        prompts.hear(duty, "page_wrong_key", seconds=0.8)
        first = duty.on_tape(duty.seen("done", command="keys")[-1])
        duty.keys("*")
        again = _heard_after(duty, prompts, speech, first)
        assert again > first
        duty.keys("1")
        prompts.hear(duty, "page_accepted", seconds=0.8)
        ended = page.result()
    assert (ended.outcome, ended.digit) == ("accepted", "1")
    duty.wait_for("ended")


def _heard_after(phone: Phone, prompts: Prompts, speech: contract.Speech, since: float) -> float:
    """When a speech was heard at or after a moment of the tape."""

    def look() -> float | None:
        from robots import tones, wav

        rest = wav.load(phone.tape())[int(since * tones.RATE) :]
        found = prompts.find(rest, speech, 1.0)
        return None if found is None else since + found

    found: float = prompts.town.until(look, "the text once more")
    return found


def test_pages_to_public_numbers_go_through_the_trunk_and_are_told_apart(town: Town, look: Look) -> None:
    public = town.outside(behaviour=answer(0.2))
    town.everybody_ready()
    with ThreadPoolExecutor(1) as beside:
        page = beside.submit(look.page, "13700000404")
        presses(public, "2")
        ended = page.result()
    assert (ended.outcome, ended.to, ended.digit) == ("refused", "13700000404", "2")
    assert public.seen("incoming")[0]["dialled"] == "13700000404"
    for behaviour, outcome in ((reject(486), "busy"), (reject(603, 0.2), "rejected"), (ring(), "no_answer")):
        public.behave(behaviour)
        assert look.page("13700000404", ring=3).outcome == outcome
    public.wait_for("ended", call=4)
    record = look.record(ended.call)
    assert record is not None and [page.outcome for page in record.pages] == ["refused"]
    told = look.do(contract.Page, to="0085212345678", speech=(contract.Text(TEXT),))
    assert told.code == "number.forbidden"


def test_page_through_a_trunk_that_is_down_is_unreachable(town: Town, look: Look) -> None:
    assert look.page("13700000405", ring=4).outcome == "unreachable"


def test_pages_that_somebody_has_taken_are_stopped_wherever_they_are(town: Town, look: Look, prompts: Prompts) -> None:
    rings, hears, took = town.seat("7001", ring()), town.seat("7002", answer()), town.seat("7003", answer())
    public = town.outside(behaviour=ring())
    town.everybody_ready()
    taken = prompts.text(TEXT)
    pages = {to: look.do(contract.Page, to=to, speech=taken).result["page"] for to in ("7001", "7002", "7003", "13700000406")}
    prompts.hear(hears, taken)
    prompts.hear(took, taken)
    took.keys("1")
    prompts.hear(took, "page_accepted", seconds=0.8)
    for phone in (rings, public):
        phone.wait_for("incoming")
        assert not phone.seen("ended")
    ended = {to: look.do(contract.StopPage, page=page).result["ended"] for to, page in pages.items()}
    assert ended == {"7001": "stopped", "7002": "stopped", "7003": "accepted", "13700000406": "stopped"}
    prompts.hear(hears, "page_taken", seconds=1)
    hears.keys("1")
    for phone in (rings, hears, took, public):
        phone.wait_for("ended")
    look.calls_over()
    records = {to: look.ended(look.last(to, "page").call.id) for to in pages}  # type: ignore[union-attr]
    assert {to: [page.outcome for page in record.pages] for to, record in records.items()} == {
        to: [outcome] for to, outcome in ended.items()
    }
    for page, outcome in ((pages["7001"], "stopped"), (pages["7003"], "accepted"), ("never-heard-of", "unknown")):
        again = look.do(contract.StopPage, page=page)
        assert again.ok and again.result == {"ended": outcome}
    for seat in ("7001", "7002", "7003"):
        look.seat_is(seat, state="idle")
