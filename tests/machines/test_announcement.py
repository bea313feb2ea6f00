"""The short call that only tells something to whoever dialled a feature key."""

from __future__ import annotations

from telephony import contract
from telephony.machines import announcement, effects, inputs, records, words


def machine() -> announcement.AnnouncementMachine:
    call = records.Call(
        id="n1", kind="internal", centre="", called="*10", caller_number=None, origin="seat:8001", started_at=1000.0
    )
    return announcement.AnnouncementMachine(call, "leg", words.clip("available"))


def test_it_answers_speaks_and_hangs_up() -> None:
    call = machine()
    assert call.handle(inputs.Arrived("leg"), 1000.0) == [effects.Answer("leg")]
    call.handle(inputs.Up("leg"), 1000.1)
    playing = call.scene().plays["leg"]
    assert playing.speech == words.clip("available")
    assert call.handle(inputs.Heard("leg", playing.id), 1002.0)[0] == effects.HangUp("leg")
    assert not call.over
    call.handle(inputs.Gone("leg", 200, "us"), 1002.1)
    assert (call.over, call.call.ended_at) == (True, 1002.1)


def test_a_phone_that_never_confirms_its_end_is_forgotten() -> None:
    call = machine()
    call.handle(inputs.Arrived("leg"), 1000.0)
    call.handle(inputs.Up("leg"), 1000.1)
    assert call.handle(inputs.Heard("leg", "n1.p1"), 1002.0)[1] == effects.Timer("linger", 5)
    call.handle(inputs.Due("linger"), 1007.0)
    assert call.over


def test_old_news_do_not_end_it() -> None:
    call = machine()
    call.handle(inputs.Arrived("leg"), 1000.0)
    call.handle(inputs.Up("leg"), 1000.1)
    assert call.handle(inputs.Heard("leg", "n1.p0"), 1000.2) == []
    assert "leg" in call.scene().plays


def test_who_hangs_up_early_leaves_nothing() -> None:
    call = machine()
    call.handle(inputs.Gone("leg", 487, "them"), 1000.5)
    assert call.over
    assert call.handle(inputs.Gone("leg", 487, "them"), 1001.0) == []
    assert call.call.ended_at == 1000.5
    assert call.handle(inputs.Arrived("leg"), 1001.0) == [effects.HangUp("leg", 480)]


def test_it_can_be_hung_up_and_nothing_else_asked_of_it() -> None:
    call = machine()
    call.handle(inputs.Arrived("leg"), 1000.0)
    call.handle(inputs.Up("leg"), 1000.1)
    [refused] = call.handle(inputs.Asked(contract.CancelTransfer(id="x", call="n1")), 1000.2)
    assert isinstance(refused, effects.Reply)
    assert refused.code == "call.announcement"
    replied, hung_up, _ = call.handle(inputs.Asked(contract.HangUpCall(id="y", call="n1")), 1000.3)
    assert (replied, hung_up) == (effects.Reply("y", True), effects.HangUp("leg"))
    [again] = call.handle(inputs.Asked(contract.HangUpCall(id="z", call="n1")), 1000.4)
    assert again == effects.Reply("z", False, "call.over", "the call is over")
