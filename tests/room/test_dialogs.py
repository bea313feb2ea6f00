"""What a dialog's messages say: pure text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.room import dialogs

INVITE = """INVITE sip:token@127.0.0.1:5066 SIP/2.0\r
Via: SIP/2.0/UDP 127.0.0.1:5066;branch=z9hG4bK1\r
Record-Route: <sip:10.0.0.1;lr>, <sip:10.0.0.2;transport=tcp;lr>\r
Record-Route: <sip:edge@10.0.0.3;lr>\r
f: "Zhang, \\"San\\" <x>;tag=wrong" <sip:139@10.0.0.9;user=phone>;tag=remote\r
t: <sip:12345@hotline>\r
i: call-1@phone\r
m: <sip:139@10.0.0.9:5062;ob>;expires=3600,\r
 <sip:other@10.0.0.9>\r
CSeq: 7 INVITE\r
Content-Length: 0\r
\r
From: <sip:body@is.not.read>;tag=no\r
"""


def ok(request: str, to_tag: str, more: str = "") -> str:
    lines = request.split("\r\n")
    lines[0] = "SIP/2.0 200 OK"
    head = [line + f";tag={to_tag}" if line.startswith("t:") else line for line in lines]
    return "\r\n".join(line for line in head if not line.startswith(("m:", " <"))).replace("CSeq", more + "CSeq", 1)


def test_called_side_takes_the_route_set_in_order_and_the_first_contact() -> None:
    notes = dialogs.Notes(caller=False)
    notes.saw(INVITE, sent=False)
    notes.saw(ok(INVITE, "local"), sent=True)
    dialog = notes.dialog()
    assert dialog.routes == ("<sip:10.0.0.1;lr>", "<sip:10.0.0.2;transport=tcp;lr>", "<sip:edge@10.0.0.3;lr>")
    assert dialog.target == "sip:139@10.0.0.9:5062;ob"
    assert (dialog.local_tag, dialog.remote_tag) == ("local", "remote")
    assert (dialog.local_uri, dialog.remote_uri) == ("sip:12345@hotline", "sip:139@10.0.0.9;user=phone")
    assert (dialog.call_id, dialog.cseq) == ("call-1@phone", 0)


def test_calling_side_takes_the_route_set_reversed_and_its_own_cseq() -> None:
    notes = dialogs.Notes(caller=True)
    notes.saw(INVITE, sent=True)
    notes.saw(ok(INVITE, "fork").replace("200 OK", "183 Session Progress"), sent=False)
    notes.saw(ok(INVITE, "theirs", "Contact: sip:8001@10.0.0.7;ob\r\n"), sent=False)
    dialog = notes.dialog()
    assert dialog.routes == ("<sip:edge@10.0.0.3;lr>", "<sip:10.0.0.2;transport=tcp;lr>", "<sip:10.0.0.1;lr>")
    assert (dialog.local_tag, dialog.remote_tag, dialog.cseq) == ("remote", "theirs", 7)
    assert dialog.target == "sip:8001@10.0.0.7"


def test_later_requests_of_the_far_end_change_target_but_neither_routes_nor_our_cseq() -> None:
    notes = dialogs.Notes(caller=False)
    notes.saw(INVITE, sent=False)
    again = (
        INVITE.replace("139@10.0.0.9:5062", "139@10.0.0.9:6000").replace("10.0.0.1", "1.1.1.1").replace("7 INVITE", "8 INVITE")
    )
    notes.saw(again, sent=False)
    assert notes.dialog().target == "sip:139@10.0.0.9:6000;ob"
    assert notes.dialog().routes[0] == "<sip:10.0.0.1;lr>"
    assert notes.dialog().cseq == 0


def test_reply_in_a_phones_place_mirrors_the_request() -> None:
    reply = dialogs.final_reply(INVITE, 487, "Request Terminated", "abc")
    head = dialogs.parse(reply)
    assert (head.status, head.method, head.cseq) == (487, "INVITE", 7)
    assert head.headers["via"] == dialogs.parse(INVITE).headers["via"]
    assert dialogs.tag_of(head.first("to")) == "abc" and dialogs.tag_of(head.first("from")) == "remote"
    assert reply.endswith("\r\n\r\n")


@given(
    st.lists(
        st.text(alphabet=st.characters(blacklist_characters='",<>\\\r\n', blacklist_categories=["Cs", "Z", "Cc"]), min_size=1)
    )
)
def test_lists_come_apart_as_they_were_joined(names: list[str]) -> None:
    values = [f'"{name}, {name}" <sip:{index}@h,x>;p=1' for index, name in enumerate(names)]
    assert dialogs.split_list(", ".join(values)) == values


@given(st.text())
def test_no_text_upsets_the_reader(text: str) -> None:
    for sent in (True, False):
        notes = dialogs.Notes(caller=sent)
        notes.saw(text, sent=not sent)
        notes.saw("SIP/2.0 200 OK\r\n" + text, sent=sent)
        notes.dialog()
    dialogs.uri_of(text)
    dialogs.tag_of(text)


@pytest.mark.parametrize(
    "text", ["", "\r\n\r\n", "SIP/2.0 abc x", "SIP/2.0", "INVITE", ":\r\n:", "SIP/2.0 200 OK\r\nCSeq: x y z"]
)
def test_ruins_of_messages_have_neither_status_nor_number(text: str) -> None:
    head = dialogs.parse(text)
    assert head.status in (0, 200) and head.cseq == 0
