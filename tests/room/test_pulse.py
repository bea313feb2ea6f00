"""Signs of life: silence is asked about, an answer is enough, no answer is a loss."""

from __future__ import annotations

from telephony.room import pulse


def quiet(felt: pulse.Pulse, since: float, seconds: float, held: bool = False) -> list[tuple[float, str]]:
    """Look four times a second while no packet comes; what was said when (seconds from ``since``)."""
    said = []
    for step in range(int(seconds / pulse.LOOK) + 1):
        now = since + step * pulse.LOOK
        verdict = felt.look(felt.packets, held, now)
        if verdict:
            said.append((now - since, verdict))
    return said


def test_phone_that_sends_is_never_asked() -> None:
    felt = pulse.Pulse(0.0)
    assert not any(felt.look(packets, False, packets * 0.02) for packets in range(2000))


def test_dead_phone_is_asked_stalls_and_is_lost() -> None:
    felt = pulse.Pulse(0.0)
    felt.look(50, False, 1.0)
    assert quiet(felt, 1.0, 4.75) == [(0.75, "ask"), (1.25, "stalled"), (4.75, "lost")]


def test_caller_is_without_a_voice_for_a_second_and_a_half_at_most() -> None:
    assert pulse.QUIET + pulse.UNANSWERED + pulse.LOOK <= 1.5


def test_silent_phone_that_answers_is_left_alone_and_asked_again_later() -> None:
    felt = pulse.Pulse(0.0)
    felt.look(50, False, 1.0)
    assert quiet(felt, 1.0, 0.75) == [(0.75, "ask")]
    assert felt.answered(2.0) == ""
    assert quiet(felt, 2.0, 5.0) == [(5.0, "ask")]


def test_stalled_phone_that_sends_again_is_back() -> None:
    felt = pulse.Pulse(0.0)
    felt.look(50, False, 1.0)
    assert quiet(felt, 1.0, 2.0)[-1] == (1.25, "stalled")
    assert felt.look(51, False, 3.5) == "back"


def test_stalled_phone_that_answers_late_is_back() -> None:
    felt = pulse.Pulse(0.0)
    felt.look(50, False, 1.0)
    assert quiet(felt, 1.0, 3.0)[-1] == (1.25, "stalled")
    assert felt.answered(4.2) == "back"


def test_phone_that_has_put_us_on_hold_may_be_silent_for_longer() -> None:
    felt = pulse.Pulse(0.0)
    felt.look(50, True, 1.0)
    assert quiet(felt, 1.0, 9.75, held=True) == []
    assert quiet(felt, 11.0, 0.0, held=True) == [(0.0, "ask")]
