"""The pure parts: numbers, dial plan, guard, tokens, digest, contacts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.model import Limits
from telephony.edge import message as sip
from telephony.edge import numbers
from telephony.edge.bindings import MOST_CONTACTS, Binding, Bindings
from telephony.edge.dialplan import Allowed, DialPlan, Forbidden, Unknown
from telephony.edge.flow import Flow, Party
from telephony.edge.guard import Guard
from telephony.edge.ports import Caller
from telephony.edge.tokens import Signer, unveil, veil
from tests.edge.peers import settings
from tests.edge.test_message import raw


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("13800138000", "13800138000"),
        ("013800138000", "13800138000"),
        ("+8613800138000", "13800138000"),
        ("008613800138000", "13800138000"),
        ("8613800138000", "13800138000"),
        ("+86 138-0013-8000", "13800138000"),
        ("02583639999", "02583639999"),
        ("+862583639999", "02583639999"),
        ("00861012345678", "01012345678"),
        ("83639999", "83639999"),
        ("+8612345", "12345"),
        ("+86110", "110"),
        ("+864008123456", "4008123456"),
        ("95588", "95588"),
        ("+8695588", "95588"),
        ("+12125551212", "0012125551212"),
        ("0012125551212", "0012125551212"),
        ("", None),
        ("alice", None),
        ("+86", None),
        ("１２３", None),
        ("1" * 30, None),
    ],
)
def test_numbers_become_one_form(written: str, normal: str | None) -> None:
    assert numbers.normal(written) == normal


@given(st.from_regex(r"(\+86|0086|)0?1[3-9][0-9]{9}", fullmatch=True))
def test_a_mobile_number_is_the_same_however_written(written: str) -> None:
    assert numbers.normal(written) == written[-11:]


@given(st.text("0123456789+", max_size=22))
def test_normal_numbers_stay_as_they_are(text: str) -> None:
    once = numbers.normal(text)
    if once is not None and not once.startswith("00"):
        assert numbers.normal(once) in (once, once[2:] if once.startswith("86") else once)


@pytest.mark.parametrize(
    ("headers", "trusted", "caller"),
    [
        ({"From": '"张三" <sip:+8613800138000@c>;tag=1'}, False, Caller("13800138000", "张三")),
        ({"From": "<tel:+86-25-83639999>;tag=1"}, False, Caller("02583639999")),
        ({"From": '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'}, True, Caller(None)),
        ({"From": "<sip:c.example>;tag=1"}, False, Caller(None)),
        ({"From": "<sip:1@c>;tag=1", "P_Asserted_Identity": "<sip:13900139000@c>"}, True, Caller("13900139000")),
        ({"From": "<sip:1@c>;tag=1", "P_Asserted_Identity": "<sip:13900139000@c>"}, False, Caller("1")),
        (
            {"From": "<sip:anonymous@x>;tag=1", "P_Asserted_Identity": "<sip:a@b>, <tel:+8613900139000>"},
            True,
            Caller("13900139000"),
        ),
        ({"From": "<sip:1@c>;tag=1", "P_Asserted_Identity": "<sip:13900139000@c>", "Privacy": "id"}, True, Caller(None)),
        ({"From": "<sip:1@c>;tag=1", "Privacy": "none"}, True, Caller("1")),
    ],
)
def test_who_calls(headers: dict[str, str], trusted: bool, caller: Caller) -> None:
    assert numbers.caller(sip.parse(raw(**headers)), trusted=trusted) == caller


def test_what_a_seat_may_dial() -> None:
    values = settings()
    plan = DialPlan(values.centres, values.seats, values.outside, values.dial_rules)
    assert plan.from_seat("8001", "12345") == Allowed("service", "gov", "12345")
    assert plan.from_seat("8001", "9001") == Allowed("seat", "9001", "9001")
    assert plan.from_seat("8001", "*238002") == Allowed("feature", "*238002", "*238002")
    assert plan.from_seat("8001", "119") == Allowed("outside", "fire", "119", "t1")
    assert plan.from_seat("8001", "013800138000") == Allowed("number", "013800138000", "013800138000", "t1")
    assert plan.from_seat("8001", "16880000") == Forbidden("16880000")
    assert plan.from_seat("8001", "55") == Unknown("55")
    assert plan.from_seat("6666", "12345") == Unknown("12345")
    assert plan.from_trunk("+8612345") == Allowed("service", "gov", "12345")
    assert isinstance(plan.from_trunk("119"), Unknown)


def test_guard_bans_after_failures_and_forgives_success() -> None:
    registered: set[str] = set()
    guard = Guard(Limits(failures_to_ban=2, ban_seconds=10), registered.__contains__)
    assert not guard.failed("a", "8001", 0)
    guard.succeeded("a", "8001")
    assert not guard.failed("a", "8001", 1)
    assert guard.failed("a", "8001", 2)
    assert guard.banned("a", "8001", 11)
    assert not guard.banned("a", "8002", 3)
    assert not guard.banned("b", "8001", 3)
    registered.add("a")
    assert not guard.banned("a", "8001", 3)
    registered.clear()
    guard.sweep(13)
    assert not guard.banned("a", "8001", 13)


@given(st.text(max_size=40), st.from_regex(r"[A-Za-z0-9_.-]{1,30}", fullmatch=True))
def test_tokens_are_known_again_and_no_others(text: str, room: str) -> None:
    signer, other = Signer(b"k" * 32), Signer(b"o" * 32)
    token = signer.room(room)
    assert signer.room_of(token) == room
    assert other.room_of(token) is None
    assert signer.room_of(text) is None
    assert signer.flow_of(text) is None
    assert signer.room_of(token[:-1]) is None
    flow, party = Flow("st", "2001:db8::1", 5060, 77), Party("seat", "8001")
    assert signer.flow_of(signer.flow(flow, party)) == (flow, party)
    assert other.flow_of(signer.flow(flow, party)) is None
    assert unveil(veil(text)) == text


def test_a_room_with_a_strange_name_is_refused() -> None:
    with pytest.raises(ValueError, match="named with letters"):
        Signer(b"k" * 32).room("room one")
    with pytest.raises(ValueError, match="16 bytes"):
        Signer(b"short")


def binding(seat: str, contact: str, host: str = "10.0.0.1", instance: str = "", expires: float = 100, conn: int = 0) -> Binding:
    return Binding(seat, contact, Flow("su", host, 5060, conn), (), expires, "c", 1, instance, 0)


def test_contacts_are_limited_and_an_instance_has_one() -> None:
    bindings = Bindings()
    for number in range(20):
        bindings.put(binding("8001", f"sip:a@10.0.0.1:{5000 + number}"))
    assert len(bindings.of("8001")) == MOST_CONTACTS
    newest = bindings.newest("8001")
    assert newest and newest.contact == "sip:a@10.0.0.1:5019"
    bindings.remove("8001")
    assert not bindings.live_at("10.0.0.1")
    bindings.put(binding("8001", "sip:a@10.0.0.1:1", instance="urn:1"))
    bindings.put(binding("8001", "sip:a@10.0.0.1:2", instance="urn:1"))
    assert [b.contact for b in bindings.of("8001")] == ["sip:a@10.0.0.1:2"]


@given(st.lists(st.tuples(st.sampled_from("12"), st.integers(1, 4), st.integers(0, 2), st.sampled_from("pxec")), max_size=40))
def test_live_addresses_match_the_contacts_on_file(steps: list[tuple[str, int, int, str]]) -> None:
    bindings, now = Bindings(), 0.0
    for seat, port, host, action in steps:
        now += 1
        contact = f"sip:a@10.0.0.1:{port}"
        if action == "p":
            bindings.put(binding(seat, contact, f"h{host}", instance=str(port % 2), expires=now + 5, conn=host))
        elif action == "x":
            bindings.remove(seat, contact)
        elif action == "e":
            bindings.expired(now)
        else:
            bindings.connection_lost(host)
        hosts = {b.flow.host for b in bindings.all()}
        assert {h for h in ("h0", "h1", "h2") if bindings.live_at(h)} == hosts
