"""Texts from gateways, attachments, nuisance numbers."""

from __future__ import annotations

import dataclasses

import pytest

from router import errors
from router.casework import attachments, intake, nuisance, repeats
from router.casework.cases import Registered, Registration
from router.casework.intake import File
from router.storage.casework import Attachment, Case, Notice, NuisanceMark
from tests.casework.parts import KUNMING, Desk, operator, police
from tests.casework.test_registration import WAGES

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def push(desk: Desk, words: str, key: str = "1", files: list[File] | None = None, *, to: str = "12345") -> Registered:
    given = Registration(channel="web", words=words, origin="网站", origin_id=key, place="五华区人民中路1号", dispatch=False)
    return desk.do(operator() if to == "12345" else police(), intake.receive, given, files or [])


def test_a_text_with_files_is_registered_once(desk: Desk) -> None:
    found = push(desk, WAGES, files=[File("工资条.png", PNG), File("说明.txt", "三个月".encode())])
    again = push(desk, WAGES, files=[File("工资条.png", PNG)])
    assert again.again and again.case.id == found.case.id and len(desk.rows(Case)) == 1
    rows = desk.rows(Attachment, Attachment.case_id == found.case.id)
    assert {(one.name, one.media_type, one.size) for one in rows} == {
        ("工资条.png", "image/png", len(PNG)),
        ("说明.txt", "text/plain", 9),
    }
    kept = desk.do(operator(), attachments.content, found.case.id, next(one.id for one in rows if one.name == "工资条.png"))
    assert kept[1] == PNG


def test_a_dangerous_text_makes_somebody_ring_back_now(desk: Desk) -> None:
    found = push(desk, "我吃了很多安眠药,不想活了")
    assert found.order is not None and found.order.state == "awaiting"
    alarms = desk.rows(Notice, Notice.kind == "call-back-now")
    assert {one.unit for one in alarms} == {"12345", "110"} and all(one.level == 2 for one in alarms)


def test_an_alarm_on_the_web_reaches_the_110_desk_with_its_channel(desk: Desk) -> None:
    found = push(desk, "小区里有人打架,拿着棍子", to="110")
    assert found.order is not None and found.order.platform == "110" and found.case.channel == "web"
    assert found.case.first_centre == "110"


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("程序.exe", b"MZ\x90\0", errors.Invalid),
        ("假图.png", b"MZ\x90\0 not a picture", errors.Invalid),
        ("表格.xlsm", b"PK\x03\x04", errors.Invalid),
        ("网页.svg", b"<svg onload=alert(1)>", errors.Invalid),
        ("空.png", b"", errors.Invalid),
        ("乱码.txt", b"\xff\xfe\x00", errors.Invalid),
        ("大.png", PNG + b"\0" * attachments.LARGEST, errors.TooLarge),
    ],
)
def test_one_bad_file_and_nothing_is_registered(desk: Desk, name: str, content: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as told:
        push(desk, WAGES, files=[File("好.png", PNG), File(name, content)])
    assert name[:10] in str(told.value)
    assert not desk.rows(Case) and not desk.rows(Attachment)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("..\\..\\win\\a.png", "a.png"),
        ("a\0b\n.png", "a_b_.png"),
        ("x" * 300 + ".png", "x" * 107 + ".png"),
        ("\u202egnp.exe.png", "_gnp.exe.png"),
        ("...", "附件"),
    ],
)
def test_a_hostile_file_name_does_no_harm(name: str, kept: str) -> None:
    assert attachments.clean(name) == kept


def test_a_full_disk_refuses_the_matter_as_a_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(attachments.StoreFull, match="No space"):
        push(desk, WAGES, files=[File("好.png", PNG)])
    monkeypatch.undo()
    assert not desk.rows(Case)
    assert not [one for one in (desk.town.attachments.folder).rglob("*") if one.is_file()]


def test_a_file_that_was_changed_on_disk_is_not_handed_out(desk: Desk) -> None:
    found = push(desk, WAGES, files=[File("好.png", PNG)])
    [row] = desk.rows(Attachment)
    desk.town.attachments.path(row.sha256).write_bytes(b"other")
    with pytest.raises(errors.Conflict, match="损坏"):
        desk.do(operator(), attachments.content, found.case.id, row.id)


def test_a_gateway_must_name_its_message(desk: Desk) -> None:
    given = Registration(channel="web", words=WAGES)
    with pytest.raises(errors.Invalid, match="消息编号"):
        desk.do(operator(), intake.receive, given)
    with pytest.raises(errors.Invalid, match="文字渠道"):
        desk.do(operator(), intake.receive, dataclasses.replace(given, channel="phone", origin="a", origin_id="1"))


def test_nuisance_numbers_are_gathered_and_nobody_is_blocked(desk: Desk) -> None:
    for count in range(3):
        desk.do(operator() if count else police(), nuisance.mark, number="138 0013 8000", note=f"第{count}次无故来电")
    desk.do(operator(), nuisance.mark, number="13900139000", note="一次")
    wrong = desk.do(operator(), nuisance.mark, number="13700137000", note="标错")
    desk.do(operator(), nuisance.withdraw, wrong.id, "标错号码")

    async def gathered(work):  # type: ignore[no-untyped-def]
        since = work.now - repeats.YEAR
        return await nuisance.clues(work, at_least=2, since=since), await nuisance.count(work, "13800138000", since)

    [clue], marks = desk.do(operator(), gathered)
    assert (clue.number, clue.marks, clue.centres, marks) == ("13800138000", 3, ("110", "12345"), 3)
    found = desk.register(police(), "家里进贼了", caller_number="13800138000", place="五华区")
    assert found.order is not None, "a marked number is still heard"
    with pytest.raises(errors.Invalid, match="匿名"):
        desk.do(operator(), nuisance.mark, number="anonymous", note="不显示号码")
    assert len(desk.rows(NuisanceMark)) == 5


def test_a_year_at_the_same_address_goes_with_an_order(desk: Desk) -> None:
    first = desk.register(operator(), WAGES, place="昆明市五华区人民中路1号", dispatch=False)
    desk.wait(days=200)
    second = desk.register(police(), "有人打架", place="昆明市五华区 人民中路1号 附近")
    desk.wait(days=200)
    third = desk.register(police(), "有人打架", place="昆明市五华区人民中路1号")

    async def year(work):  # type: ignore[no-untyped-def]
        return [one.case.id for one in await repeats.year_at(work, third.case)]

    assert desk.do(police(), year) == [second.case.id], "what is older than a year does not count"
    assert first.case.place_print == third.case.place_print and first.case.city == KUNMING
