"""What a robot reads out of SIP messages."""

from __future__ import annotations

import pytest

from robots import siptext

INVITE = (
    "INVITE sip:12345@127.0.0.1:5080;user=phone SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:9\r\n"
    'f: "张 \\"三\\"" <sip:+8613800001111@a>;tag=1\r\n'
    "t: <sip:12345@b>\r\n"
    "i: abc\r\n"
    "X-Hotline-Call: c-1\r\n"
    "Subject: two\r\n"
    "\tlines\r\n"
    "\r\n"
    "X-Hotline-Case: only a body\r\n"
)


def test_compact_and_folded_headers_are_read_and_the_body_is_not() -> None:
    assert siptext.header(INVITE, "Call-ID") == "abc"
    assert siptext.interesting(INVITE) == {"X-Hotline-Call": "c-1", "Subject": "two lines"}
    assert siptext.address(siptext.header(INVITE, "from")) == ("+8613800001111", '张 "三"')
    assert siptext.user(siptext.start_line(INVITE)[1]) == "12345"
    assert siptext.header(INVITE, "Contact") == ""


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("<sip:8001@h>", ("8001", "")),
        ("Bob <sips:8001@h:5061>;tag=2", ("8001", "Bob")),
        ("sip:8001@h;tag=3", ("8001", "")),
        ("<sip:anonymous.invalid>", ("", "")),
        ("<tel:+86110;phone-context=x>", ("+86110", "")),
        ("nonsense", ("", "")),
        ("", ("", "")),
    ],
)
def test_addresses(value: str, told: tuple[str, str]) -> None:
    assert siptext.address(value) == told
