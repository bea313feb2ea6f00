"""Each message once, in the order of its case; what is not for us or not as before is refused and changes nothing."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from router import errors as casework_errors
from router.exchange import errors, incoming, message, poll, schema
from router.storage.casework import Attachment, Case, Handoff, PoliceOrder, Ticket
from router.storage.exchange import ExchangeMessage
from router.storage.journal import Delivery, JournalEntry, Timer
from router.timers.runner import due
from tests.exchange.parts import Installation
from tests.storage.parts import run

HERE = Path(schema.__file__).parent / "examples" / "good"
KEY = {"system": "kunming-12345", "number": "S-1"}


def document(kind: str, sequence: int = 1, **body: Any) -> dict[str, Any]:
    """A message of 12345's system to 110's, in a case of its own."""
    found: dict[str, Any] = json.loads((HERE / f"{kind}.json").read_text(encoding="utf-8"))
    found |= {
        "id": f"m-{sequence}",
        "sequence": sequence,
        "case": KEY,
        "from": {"system": "kunming-12345", "centre": "12345"},
        "to": {"system": "kunming-110", "centre": "110"},
    }
    found["body"] |= body
    return found


def handoff(sequence: int = 1, **body: Any) -> dict[str, Any]:
    return document("handoff", sequence, **{"number": f"L-{sequence}", **body})


def ticket(sequence: int, state: str) -> dict[str, Any]:
    return document("ticket", sequence, state=state)


@pytest.fixture
def here(hotline: Installation, tmp_path: Path) -> Installation:
    """110's installation on SQLite."""
    made = Installation(hotline.desk, "kunming-110")

    async def step() -> None:
        async with made.desk.database.write() as session:
            from sqlalchemy import text

            await session.execute(text("UPDATE peer SET id = 'kunming-12345', centre = '12345', side = '12345'"))

    run(step())
    return made


def states(here: Installation) -> dict[int, str]:
    return {row.sequence: row.state for row in here.desk.rows(ExchangeMessage)}


def ring(here: Installation) -> int:
    """Run the timers of the exchange that are due."""
    handlers = poll.handlers(here.local, here.services)

    async def step() -> int:
        from sqlalchemy import select

        async with here.desk.database.write() as session:
            query = select(Timer).where(Timer.kind.in_(handlers), Timer.state == "pending", Timer.due_at <= here.desk.now)
            rows = (await session.scalars(query)).all()
            for row in rows:
                await handlers[row.kind](session, due(row), here.desk.now)
                row.state = "done"
            return len(rows)

    return run(step())


def test_a_foreign_system_s_offer_makes_a_case_with_all_that_it_said(here: Installation) -> None:
    said = handoff()
    result = here.take(said)
    (case,) = here.desk.rows(Case)
    face = here.desk.order(case.id).number
    assert result.receipt == message.Receipt(message="m-1", status="taken", at=here.desk.now, case=case.number, face=face)
    assert (case.origin, case.origin_id, case.channel, case.urgency) == ("kunming-12345", "S-1", "web", "danger")
    assert case.words == said["body"]["matter"]["words"] and case.caller_number == "13800000000"
    assert case.asked["现场人数"] == "两人" and case.asked["对方事项"] == "D-01 打架斗殴", "an item that we have not got"
    assert here.desk.order(case.id).state == "dispatched", "danger said by a peer system"
    assert [one.name for one in here.desk.rows(Attachment)] == ["积水路口.jpg"]
    actions = [one.action for one in here.desk.journal(case.id)]
    assert "exchange.received" in actions and "case.registered" in actions


def test_the_same_message_changed_is_refused(here: Installation) -> None:
    here.take(handoff())
    with pytest.raises(errors.Changed) as raised:
        here.take(handoff(reason="另一个理由"))
    assert raised.value.status == 409 and raised.value.code == "exchange.conflict"
    with pytest.raises(errors.Changed, match="第 1 条"):
        here.take({**handoff(), "id": "another"})
    assert len(here.desk.rows(Case)) == 1


def test_messages_out_of_order_wait_and_are_carried_out_in_order(here: Installation) -> None:
    here.take(handoff())
    order = here.desk.rows(PoliceOrder)[0]
    assert order.state == "dispatched"
    late = [document("feedback", 4, face="ticket", number="G1", handoff=None, final=False), ticket(3, "signed")]
    for one in late:
        result = here.take(one)
        assert result.receipt is not None and result.receipt.status == "waiting"
    assert here.take(late[0]).receipt.status == "waiting"  # type: ignore[union-attr]
    assert states(here) == {1: "taken", 3: "waiting", 4: "waiting"}
    here.take(ticket(2, "dispatched"))
    assert states(here) == {1: "taken", 2: "taken", 3: "taken", 4: "taken"}
    told = [one.subject for one in here.desk.rows(JournalEntry, JournalEntry.action == "exchange.received")]
    assert told == ["m-1", "m-2", "m-3", "m-4"]
    assert here.take(late[0]).receipt.status == "repeated"  # type: ignore[union-attr]


def test_an_offer_never_waits(here: Installation) -> None:
    assert here.take(ticket(2, "dispatched")).receipt.status == "waiting"  # type: ignore[union-attr]
    result = here.take(handoff(3))
    assert result.receipt is not None and result.receipt.status == "taken"
    assert here.desk.rows(PoliceOrder)[0].state == "dispatched"
    assert here.take(ticket(1, "registered")).receipt.status == "taken"  # type: ignore[union-attr]
    assert states(here) == {1: "taken", 2: "taken", 3: "taken"}


def test_a_gap_is_waited_for_and_no_longer(here: Installation) -> None:
    here.take(handoff())
    here.take(ticket(3, "signed"))
    here.wait(seconds=60)
    here.take(ticket(5, "feedback"))
    here.wait(seconds=59)
    assert ring(here) == 0
    here.wait(seconds=2)
    assert ring(here) == 1, "waiting counts from the first message that waits"
    assert states(here) == {1: "taken", 3: "taken", 5: "taken"}
    gap = here.desk.rows(JournalEntry, JournalEntry.action == "exchange.gap")
    assert [one.detail["missing"] for one in gap] == ["2-2"]
    assert here.take(ticket(4, "handling")).receipt.status == "taken", "late, and yet not lost"  # type: ignore[union-attr]
    assert here.take(ticket(6, "closed")).receipt.status == "taken"  # type: ignore[union-attr]
    assert ring(here) == 0


def test_what_was_refused_may_be_sent_again_and_holds_up_nothing(here: Installation) -> None:
    early = document("acceptance", 1, handoff="L-9")
    result = here.take(early)
    assert isinstance(result.refusal, errors.UnknownCase) and states(here) == {1: "refused"}
    assert here.take(handoff(2)).receipt.status == "taken"  # type: ignore[union-attr]
    again = here.take(early)
    assert isinstance(again.refusal, errors.UnknownCase), "tried anew: now the handoff is what is not known"
    assert again.refusal.facts["field"] == "body.handoff"
    assert here.take(ticket(3, "signed")).receipt.status == "taken"  # type: ignore[union-attr]


def test_a_refusal_leaves_nothing_half_done(here: Installation) -> None:
    class Breaks(type(here.services)):  # type: ignore[misc]
        async def offer(self, visit: Any, case: str, handoff: Any) -> str:
            await super().offer(visit, case, handoff)
            raise casework_errors.Conflict("不行", "")

    here.services = Breaks(here.desk.town)
    result = here.take(handoff())
    assert isinstance(result.refusal, casework_errors.Conflict)
    for model in (Case, Ticket, PoliceOrder, Handoff, Attachment):
        assert here.desk.rows(model) == [], model
    assert states(here) == {1: "refused"}
    refused = here.desk.rows(JournalEntry, JournalEntry.action == "exchange.refused")
    assert [(one.chain, one.detail["code"]) for one in refused] == [("system", "conflict")]


def test_a_second_offer_under_the_same_number_is_refused(here: Installation) -> None:
    here.take(handoff())
    result = here.take(handoff(2, number="L-1"))
    assert isinstance(result.refusal, errors.KnownHandoff) and len(here.desk.rows(Handoff)) == 1


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"from": {"system": "dali-12345", "centre": "12345"}}, errors.WrongAddress),
        ({"to": {"system": "dali-110", "centre": "110"}}, errors.WrongAddress),
        ({"to": {"system": "kunming-110", "centre": "nowhere"}}, errors.WrongAddress),
        ({"to": {"system": "kunming-110", "centre": "12345"}}, errors.WrongAddress),
        ({"case": {"system": "dali-12345", "number": "S-1"}}, errors.WrongAddress),
        ({"drill": True}, errors.DrillRefused),
        ({"sequence": 0}, errors.InvalidMessage),
        ({"format": "hotline-exchange/2"}, errors.InvalidMessage),
    ],
)
def test_what_is_not_for_us_is_refused_and_nothing_is_kept(here: Installation, change: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        here.take({**handoff(), **change})
    assert here.desk.rows(Case) == [] and here.desk.rows(ExchangeMessage) == []


def test_what_is_no_json_is_refused_with_the_problem(here: Installation) -> None:
    with pytest.raises(errors.InvalidMessage) as raised:
        here.take(b"{not json")
    assert raised.value.facts["problems"][0]["code"] == "json"


def test_a_state_without_the_matter_is_unknown_and_with_it_opens_the_case(here: Installation) -> None:
    assert isinstance(here.take(ticket(1, "dispatched")).refusal, errors.UnknownCase)
    matter = document("handoff")["body"]["matter"] | {"urgency": "normal", "danger": {"flag": False}, "attachments": []}
    result = here.take({**ticket(2, "dispatched"), "body": {**ticket(2, "dispatched")["body"], "matter": matter}})
    assert result.receipt is not None and result.receipt.status == "taken"
    assert [one.origin_id for one in here.desk.rows(Case)] == ["S-1"] and here.desk.rows(Handoff) == []


def test_numbers_and_words_that_we_can_t_keep_cost_no_case(here: Installation) -> None:
    matter = handoff()["body"]["matter"]
    matter |= {"words": "", "caller": {"number": "000", "name": "某"}, "attachments": []}
    matter["place"] = {"text": "官" * 500}
    result = here.take(handoff(matter=matter))
    assert result.receipt is not None and result.receipt.status == "taken"
    (case,) = here.desk.rows(Case)
    assert case.words and case.place and len(case.place) <= 300


def test_files_given_by_address_are_fetched_later(here: Installation) -> None:
    matter = handoff()["body"]["matter"]
    attachment = {**matter["attachments"][0], "url": "/files/1"}
    del attachment["content"]
    here.take(handoff(matter={**matter, "attachments": [attachment]}))
    (delivery,) = here.desk.rows(Delivery, Delivery.kind == incoming.FILE)
    assert delivery.receiver == "kunming-12345#files" and delivery.body["attachment"]["url"] == "/files/1"


def test_two_copies_at_the_same_moment_make_one_case(here: Installation) -> None:
    """On SQLite writers take turns; PostgreSQL's locks are asked in the test of the whole interface."""
    import asyncio

    async def one() -> str:
        from sqlalchemy import select

        from router.storage.organisation import Peer

        async with here.desk.database.write() as session:
            (peer,) = (await session.scalars(select(Peer))).all()
            result = await incoming.receive(
                session, peer, json.dumps(handoff()), here.desk.now, local=here.local, casework=here.services
            )
            assert result.receipt is not None
            return result.receipt.status

    async def both() -> list[str]:
        return sorted(await asyncio.gather(one(), one(), one()))

    assert run(both()) == ["repeated", "repeated", "taken"]
    assert len(here.desk.rows(Case)) == 1


def test_the_time_of_answering_counts_as_the_peer_says_but_never_lies_ahead(here: Installation) -> None:
    matter = handoff()["body"]["matter"]
    ahead = (here.desk.now + dt.timedelta(days=3)).isoformat()
    here.take(handoff(matter={**matter, "first": {"system": "kunming-12345", "centre": "12345", "at": ahead}}))
    assert here.desk.rows(Case)[0].first_answered_at == here.desk.now
