"""The parser: what RFC 4475 asks of it (in messages of our own), and that nothing is lost or invented."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.edge import message as sip
from telephony.edge import stream, uri
from telephony.edge.errors import Malformed


def raw(start: str = "INVITE sip:12345@hotline.test SIP/2.0", body: bytes = b"", **changes: str | None) -> bytes:
    """A message with these headers changed (``None`` leaves one out)."""
    headers: dict[str, str | None] = {
        "Via": "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa1",
        "Max-Forwards": "70",
        "From": "<sip:caller@example.com>;tag=f1",
        "To": "<sip:12345@hotline.test>",
        "Call-ID": "c1@192.0.2.1",
        "CSeq": f"1 {start.split()[0]}",
        "Content-Length": str(len(body)),
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [start, *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def refused(data: bytes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        sip.parse(data)
    return caught.value


def test_short_tortuous_invite() -> None:  # RFC 4475 3.1.1.1
    data = (
        b"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n"
        b"TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n"
        b'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n'
        b"MaX-fOrWaRdS: 0068\r\n"
        b"Call-ID: wsinv.ndaksdj@192.0.2.1\r\n"
        b"Content-Length   : 5\r\n"
        b"cseq: 0009\r\n  INVITE\r\n"
        b"Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n"
        b"s :\r\n"
        b"NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
        b"UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
        b"v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
        b" SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n"
        b'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue ;\r\n  secondparam ; q = 0.33\r\n'
        b"\r\nv=0\r\n"
    )
    found = sip.parse(data)
    assert (found.method, found.cseq, found.to_tag, found.from_tag) == ("INVITE", 9, "1918181833n", "98asjd8")
    assert found.encode() == data
    vias = [sip.Via.parse(value) for value in found.values("via")]
    assert [(via.transport, via.host, via.branch) for via in vias if via] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    sender = uri.address(found.get("from") or "")
    assert sender and sender.display == 'J Rosenberg \\"'
    assert found.get("newfangledheader") == "newfangled value continued newfangled value"
    assert found.get("subject") == ""


def test_unusual_method_and_characters() -> None:  # 3.1.1.2, 3.1.1.3
    method = "!interesting-Method0123456789_*+`.%indeed'~"
    target = "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com"
    data = raw(f"{method} {target} SIP/2.0", To=f"<{target}>;tag=x")
    found = sip.parse(data)
    assert found.method == method
    parsed = uri.parse(found.uri)
    assert parsed and parsed.host == "example.com"
    escaped = uri.parse("sip:sips%3Auser%40example.com@example.net")
    assert escaped and (escaped.user, escaped.host) == ("sips:user@example.com", "example.net")
    zeros = uri.parse("sip:null-%00-null@example.com")
    assert zeros and zeros.user == "null-\0-null"


def test_long_values_and_many_headers() -> None:  # 3.1.1.7
    long = "x" * 1000
    found = sip.parse(raw(From=f'"{long}" <sip:{long}@{long}.com;p={long}>;tag={long}', Unknown=long * 10))
    assert found.from_tag == long
    assert refused(raw(Unknown="x" * 20000)).status == 400
    many = "\r\n".join(f"X-{n}: {n}" for n in range(400))
    assert refused(raw(Many="\r\n" + many)).status == 400


def test_a_second_message_in_the_datagram_is_ignored() -> None:  # 3.1.1.8
    found = sip.parse(raw(body=b"v=0\r\n") + raw())
    assert found.body == b"v=0\r\n"


def test_binary_and_chinese_survive_byte_for_byte() -> None:  # 3.1.1.11, 3.1.1.12
    body = bytes(range(256))
    data = raw(body=body, Subject="市民热线 \udcff\udcfe", From='"张三" <sip:1@x>;tag=a')
    found = sip.parse(data)
    assert (found.encode(), found.body) == (data, body)
    answer = b"SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\r\n" + raw().split(b"\r\n", 1)[1]
    assert sip.parse(answer).encode() == answer
    assert sip.parse(b"SIP/2.0 100\r\n" + raw().split(b"\r\n", 1)[1]).reason == ""


def test_forms_that_may_be_tolerated() -> None:
    bare = raw().replace(b"\r\n", b"\n")
    assert sip.parse(bare).call_id == "c1@192.0.2.1"
    assert sip.parse(b"\r\n\r\n" + raw()).call_id == "c1@192.0.2.1"
    assert sip.parse(raw(Content_Length=None)).get("content-length") == "0"
    assert sip.parse(raw(Via="SIP/2.0/UDP [2001:db8::9:1]:5070;received=[2001:db8::9:255];branch=z9hG4bKas3"))
    old = sip.parse(raw(Via="SIP/2.0/UDP pc33:5060", From="<sip:a@b>", Max_Forwards=None))  # 3.4.1, RFC 2543
    assert (old.from_tag, old.top_via().branch) == ("", "")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("data", "status", "answerable"),
    [
        (raw(body=b"x", Content_Length="9999"), 400, True),  # 3.1.2.2
        (raw(Content_Length="-999"), 400, True),  # 3.1.2.3
        (raw(CSeq="36893488147419103232 INVITE"), 400, True),  # 3.1.2.4
        (raw(CSeq="2147483648 INVITE"), 400, True),
        (raw(To='"Mr. J. User <sip:j.user@example.com>'), 400, True),  # 3.1.2.6
        (raw("INVITE <sip:user@example.com> SIP/2.0"), 400, True),  # 3.1.2.7
        (raw("INVITE sip:user@example.com; lr SIP/2.0"), 400, True),  # 3.1.2.8
        (raw("INVITE  sip:user@example.com  SIP/2.0"), 400, True),  # 3.1.2.9
        (raw("OPTIONS sip:t@example.com SIP/7.0"), 505, True),  # 3.1.2.16
        (raw(CSeq="1 OPTIONS"), 400, True),  # 3.1.2.17
        (raw(From='"Bell, Alexander" sip:a@b;tag=1'), 400, True),
        (raw(Call_ID=None), 400, False),  # 3.3.1
        (raw(From=None), 400, False),
        (raw(Via=None), 400, False),
        (raw(Via="SIP/2.0/UDP"), 400, False),
        (raw(Max_Forwards="70\r\nMax-Forwards: 5"), 400, True),  # 3.3.8
        (raw(Content_Length="0\r\nl: 13"), 400, True),  # 3.3.9
        (raw(From="<sip:a@b>;tag=1\r\nf: <sip:c@d>;tag=2"), 400, True),
        (raw("INVITE sip:a@b:70000 SIP/2.0"), 400, True),
        (raw().replace(b"Max-Forwards: 70", b"Max-Forwards"), 400, False),
        (raw().replace(b"70", b"7\r0"), 400, False),
        (raw(Subject="a\0b"), 400, False),
        (raw()[:-2], 400, False),
        (b"SIP/2.0 4294967301 better not break\r\n" + raw().split(b"\r\n", 1)[1], 400, False),  # 3.1.2.19
        (b"\xff" * 100, 400, False),
    ],
)
def test_what_is_wrong_is_refused_and_answered_if_it_can_be(data: bytes, status: int, answerable: bool) -> None:
    problem = refused(data)
    assert problem.status == status
    assert (problem.message is not None) is answerable


def test_other_schemes_pass_the_parser_for_the_proxy_to_judge() -> None:  # 3.3.2, 3.3.3
    assert uri.parse("nobodyKnowsThisScheme:totallyopaquecontent") == uri.Uri(
        "nobodyknowsthisscheme", raw="nobodyKnowsThisScheme:totallyopaquecontent"
    )
    found = uri.parse("tel:+86-138.0013(8000);phone-context=x")
    assert found and (found.scheme, found.user) == ("tel", "+8613800138000")


@pytest.mark.parametrize("text", ["", "sip:", "sip:@", "sip:a@", "12345", "sip:a@b:0", "sip:a@[::1", "tel:", "<sip:a@b>"])
def test_no_uri(text: str) -> None:
    assert uri.parse(text) is None


def test_uri_parts() -> None:
    found = uri.parse("sip:12345;isub=1:pw@[2001:DB8::1]:5061;transport=TLS;lr?Replaces=a%40b")
    assert found and (found.user, found.host, found.port, found.transport) == ("12345", "2001:db8::1", 5061, "tls")
    assert (found.param("lr"), found.param("ob")) == ("", None)


def test_too_large_is_413() -> None:
    assert refused(raw(body=b"x" * 70000)).status == 413


_word = st.text(string.ascii_letters + string.digits + "-.", min_size=1, max_size=20)
_value = st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=("Cs",)), max_size=60)


@given(st.lists(st.tuples(_word.map(lambda word: "X-" + word), _value), max_size=20), st.binary(max_size=300))
def test_unknown_headers_and_body_come_back_as_they_were(headers: list[tuple[str, str]], body: bytes) -> None:
    data = raw(body=body)
    head, _, tail = data.partition(b"\r\n\r\n")
    data = head + "".join(f"\r\n{name}: {value}" for name, value in headers).encode() + b"\r\n\r\n" + tail
    found = sip.parse(data)
    assert found.encode() == data
    assert found.body == body
    for name, value in headers:
        assert value.strip() in found.all(name.lower())


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    for text in (data, raw() + data, raw().replace(b"z9hG4bK", data), raw().replace(b"caller", data)):
        try:
            found = sip.parse(text)
        except Malformed:
            continue
        assert sip.parse(found.encode()).encode() == found.encode()


@given(st.lists(st.text('ab,"\\<>;', max_size=12), max_size=6))
def test_splitting_a_list_loses_nothing_but_space_and_commas(pieces: list[str]) -> None:
    text = ",".join(pieces)
    assert "".join(sip.split_list(text)).replace(",", "") == text.replace(",", "")


@given(st.lists(st.sampled_from([raw(), raw(body=b"\r\n\r\n" * 3), b"\r\n\r\n", b"\r\n"]), max_size=8), st.data())
def test_a_stream_gives_the_same_messages_however_it_is_cut(sent: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(sent)
    framer, found = stream.Framer(65535), []
    position = 0
    while position < len(whole):
        step = data.draw(st.integers(1, 200))
        found += framer.feed(whole[position : position + step])
        position += step
    assert [piece for piece in found if piece != stream.PING] == [piece for piece in sent if piece.strip()]


def test_every_double_crlf_between_messages_is_a_ping() -> None:
    framer = stream.Framer(65535)
    assert framer.feed(b"\r\n") == []
    assert framer.feed(b"\r\n" + raw() + b"\r\n\r") == [stream.PING, raw()]
    assert framer.feed(b"\n") == [stream.PING]
    assert not framer.waiting
    framer.feed(b"OPTIONS sip")
    assert framer.waiting
