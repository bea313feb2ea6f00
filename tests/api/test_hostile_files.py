"""Uploads that no good client sends: bodies that are no proper multipart, files that lie, names that would lead elsewhere."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator

from tests.api import fuzz
from tests.api.city import API, City, good
from tests.api.parts import Person

B = b"x1y2z3"
HEAD = {"content-type": f"multipart/form-data; boundary={B.decode()}"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
CSV = "代码,名称\r\n1,2\r\n".encode()


def part(disposition: bytes, content: bytes, more: bytes = b"") -> bytes:
    return b"--" + B + b"\r\nContent-Disposition: " + disposition + b"\r\n" + more + b"\r\n" + content + b"\r\n"


END = b"--" + B + b"--\r\n"
FILE = part(b'form-data; name="file"; filename="a.png"', PNG)
ODD: list[tuple[str, bytes, dict[str, str]]] = [
    ("nothing", b"", HEAD),
    ("no boundary", FILE + END, {"content-type": "multipart/form-data"}),
    ("another boundary", FILE + END, {"content-type": "multipart/form-data; boundary=other"}),
    ("an endless boundary", FILE + END, {"content-type": "multipart/form-data; boundary=" + "b" * 5000}),
    ("a boundary with a break", FILE + END, {"content-type": 'multipart/form-data; boundary="a\tb"'}),
    ("no end", FILE, HEAD),
    ("half a head", b"--" + B + b"\r\nContent-Dispo", HEAD),
    ("only the end", END, HEAD),
    ("a part without a name", part(b'form-data; filename="a.png"', PNG) + END, HEAD),
    ("a part without a disposition", b"--" + B + b"\r\nX: y\r\n\r\nabc\r\n" + END, HEAD),
    ("a part without any head", b"--" + B + b"\r\n\r\nabc\r\n" + END, HEAD),
    ("a head without a colon", b"--" + B + b"\r\nno colon here\r\n\r\nabc\r\n" + END, HEAD),
    ("a text in place of a file", part(b'form-data; name="file"', b"abc") + END, HEAD),
    ("an attachment in place of form-data", part(b'attachment; name="file"; filename="a.png"', b"") + END, HEAD),
    ("an empty file", part(b'form-data; name="file"; filename="a.png"', b"") + END, HEAD),
    ("an empty name", part(b'form-data; name="file"; filename=""', PNG) + END, HEAD),
    ("a broken charset", part(b'form-data; name="file"; filename="\xff\xfe.png"', b"abc") + END, HEAD),
    ("thousands of files", part(b'form-data; name="file"; filename="a.png"', b"a") * 3000 + END, HEAD),
    ("thousands of fields", part(b'form-data; name="f"', b"a") * 3000 + END, HEAD),
    ("a field of megabytes", part(b'form-data; name="note"', b"a" * 2_000_000) + FILE + END, HEAD),
    ("a head of megabytes", b"--" + B + b"\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\nabc\r\n" + END, HEAD),
    ("thousands of heads", b"--" + B + b"\r\n" + b"X: y\r\n" * 20_000 + b"\r\nabc\r\n" + END, HEAD),
    (
        "multipart in multipart",
        part(b'form-data; name="other"', FILE, b"Content-Type: multipart/mixed; boundary=q\r\n") + END,
        HEAD,
    ),
    ("a form of another kind", b"file=abc", {"content-type": "application/x-www-form-urlencoded"}),
    ("JSON", b"{}", {"content-type": "application/json"}),
]


async def doors(city: City) -> list[tuple[Person, str]]:
    """Every endpoint that takes files, with somebody who may."""
    case = city.ids["case"][0]
    return [
        (city.people["operator"], f"/cases/{case}/attachments"),
        (city.people["integration"], "/inbound/messages/with-files"),
        (city.people["administrator"], "/catalog/versions/yaml"),
        (city.people["administrator"], "/catalog/items/import"),
        (city.people["administrator"], "/organisation/agencies/import"),
        (city.people["administrator"], "/resources/import"),
        (city.people["administrator"], "/duty/rosters/import"),
        (city.people["operator"], f"/emergencies/{city.ids['event'][0]}/files"),
    ]


def test_bodies_that_are_no_proper_form_are_refused_at_every_door(here: fuzz.Running) -> None:
    city, stand = here.city, here.city.stand

    async def go() -> None:
        known = {path for path, item in stand.app.openapi()["paths"].items() if "multipart" in json.dumps(item)}
        places = await doors(city)
        assert len(places) == len(known), known
        for person, path in places:
            for name, body, head in ODD:
                answer = await person.post(API + path, content=body, headers=head)
                assert answer.status_code in (400, 413, 422), (path, name, answer.status_code, answer.text[:300])
                assert answer.json()["code"] and "/" not in answer.json()["message"], answer.text
        async with stand.client() as nobody:
            for _, path in places:
                answer = await nobody.post(API + path, content=FILE + END, headers=HEAD)
                assert (answer.status_code, answer.json()["code"]) == (401, "auth.required"), path

    here.do(go())


def test_nobody_uploads_who_may_not(here: fuzz.Running) -> None:
    """The first words of the answer come before a file has been taken in."""
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b"--" + B + b'\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        for _ in range(100):
            sent += 1
            yield b"a" * 100_000

    async def go() -> None:
        expired = {"cookie": "hotline_session=" + "x" * 43}
        async with here.city.stand.client() as nobody:
            for _, path in await doors(here.city):
                for more in ({}, expired, {"authorization": "Bearer x.y.z"}):
                    answer = await nobody.post(API + path, content=pieces(), headers={**HEAD, **more})
                    assert answer.status_code == 401, (path, answer.text)
        for role in ("police", "agency"):
            answer = await here.city.people[role].post(f"{API}/catalog/items/import", content=pieces(), headers=HEAD)
            assert (answer.status_code, answer.json()["facts"]["action"]) == (403, "catalog.publish")
        assert sent == 0

    here.do(go())


NAMES: list[tuple[bytes, str]] = [
    (b"../../../etc/cron.d/x.png", "x.png"),
    (b"C:\\\\windows\\\\x.png", "x.png"),
    (b"/dev/null.png", "null.png"),
    (b"a\tb.png", "a_b.png"),
    ("a\u202egnp.exe.png".encode(), "a_gnp.exe.png"),
    (b"%0d%0aSet-Cookie: a=b.png", "%0d%0aSet-Cookie_ a=b.png"),
    (b"x.png; filename=y.png", "x.png; filename=y.png"),
    (b"<script>.png", "_script_.png"),
    (b"....png", "png"),
    (b"a" * 4000 + b".png", ""),
    ("😀".encode() * 100 + b".png", ""),
    (b"a\xc3\x28.png", ""),
]


def test_names_of_files_lead_nowhere_and_break_no_header(here: fuzz.Running) -> None:
    city, stand = here.city, here.city.stand
    data = stand.state.settings.data_dir

    async def go() -> None:
        operator, case = city.people["operator"], city.ids["case"][0]
        before = {one for one in data.rglob("*") if one.is_file()}
        for number, (given, kept) in enumerate(NAMES):
            content = PNG + bytes([number])
            body = part(b'form-data; name="file"; filename="' + given + b'"', content) + END
            answer = await operator.post(f"{API}/cases/{case}/attachments", content=body, headers=HEAD)
            made = good(answer, 201)
            assert len(made["name"]) <= 120 and made["name"].isprintable(), (given, made)
            assert not kept or made["name"] == kept, (given, made)
            got = await operator.get(f"{API}/cases/{case}/attachments/{made['id']}")
            assert got.content == content
            said = got.headers["content-disposition"]
            assert said.startswith("attachment; filename*=UTF-8''") and said.isascii() and "\n" not in said
            assert "set-cookie" not in got.headers and got.headers["x-content-type-options"] == "nosniff"
        fresh = {one for one in data.rglob("*") if one.is_file()} - before
        assert {one.parent.parent for one in fresh} == {data / "attachments"}

    here.do(go())


def test_files_that_are_not_what_they_say_are_refused(here: fuzz.Running) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/workbook.xml", b"0" * 200_000_000)
    entity = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w") as made:
        made.writestr("[Content_Types].xml", entity)
        made.writestr("xl/workbook.xml", entity)
        made.writestr("../../evil.txt", b"x")

    city = here.city

    async def go() -> None:
        operator, administrator = city.people["operator"], city.people["administrator"]
        case = city.ids["case"][0]
        for name, content in (
            ("a.exe", PNG),
            ("a.png.exe", PNG),
            ("a.png", b"MZ" + PNG),
            ("a.html", b"<script>alert(1)</script>"),
            ("a.svg", b"<svg onload='alert(1)'/>"),
            ("a.txt", b"a\0b"),
            ("a.pdf", PNG),
        ):
            answer = await operator.post(f"{API}/cases/{case}/attachments", files={"file": (name, content)})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), (name, answer.text)
        for name, content in (
            ("a.xlsx", bomb.getvalue()),
            ("a.xlsx", book.getvalue()),
            ("a.xlsx", b"PK\x03\x04" + b"\0" * 1000),
            ("a.csv", b"\xff\xfe\x00\x00" * 100),
            ("a.csv", b"a,b\n" * 200_000),
            ("a.csv", b'"' + b"a" * 1_000_000),
            ("a.png", PNG),
            ("a", b""),
        ):
            for path in ("/catalog/items/import", "/organisation/agencies/import"):
                answer = await administrator.post(API + path, files={"file": (name, content)})
                assert answer.status_code in (413, 422), (path, name, content[:9], answer.status_code, answer.text[:300])
                assert "root:" not in answer.text
        ratio = await peak(administrator, bomb.getvalue())
        assert ratio < 60_000_000, f"{ratio} bytes for a bomb of {len(bomb.getvalue())}"

    here.do(go())


async def peak(person: Person, content: bytes) -> int:
    """Bytes of memory that the import of a table takes at most."""
    import tracemalloc

    tracemalloc.start()
    try:
        await person.post(f"{API}/organisation/agencies/import", files={"file": ("a.xlsx", content)})
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
