"""The after-action report of whole stories: it says who did what when, what was late, and nothing of who called."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
import zipfile

import pytest

from router.casework.work import Work
from router.linkage.drill import drills, rehearsal
from router.linkage.emergency import events, mutual, reporting, tasks
from router.linkage.emergency.events import Approval
from router.linkage.notifying import requests
from router.linkage.resource import resources
from router.linkage.resource.resources import Details
from router.linkage.review import after_action, chronicle, reviews
from router.linkage.review.course import Ratio
from router.reports import docx, page
from router.reports.document import Document, SpanChart, Table
from router.storage.calls import Call, Recording
from router.storage.casework import CaseCall
from tests.casework.parts import HOUSING, KUNMING, SYSTEM, URBAN, operator, police, unit
from tests.linkage.parts import ADMIN, APPROVED, CHIEF, POSTS, Station

GAS, GAS_CHIEF, FIRE = "087163100001", "13900000008", "119"
CALLER = {"caller_number": "13700007777", "caller_name": "欧阳晓燕", "place": "盘龙区人民路12号3单元501"}
WORDS = "闻到很重的臭鸡蛋味"
FIRST = dict.fromkeys(
    ("received_at", "source", "happened_at", "place", "nature", "extent", "loss", "trend", "leaders", "measures"), "正在核实"
)
SECTIONS = [
    *("基本情况", "处置概况", "时间线", "通知与签收", "互通报", "指令", "信息报送", "事项与来电"),
    *("录音清单", "资源使用", "时限执行", "复盘结论", "改进项"),
]
TOLD = [
    "启动Ⅲ级响应",
    "呼叫燃气抢修:按2拒绝",
    "燃气抢修:转燃气公司经理(第1级上级)",
    "燃气抢修签收",
    "消防指挥中心及其上级均无人签收",
    "昆明市公安局110指挥中心未按时签收通报",
    "燃气抢修到场",
    "初报未按时电话报告",
    "初报已书面报送",
    "沙袋出库200",
    "归集1个事项",
    "终止响应",
    "填写复盘结论",
]
SCRIPT = {
    "drill": "gas", "name": "第四季度燃气演练", "form": "live",
    "event": {"kind": "gas-leak", "title": "演练:人民东路燃气泄漏", "place": "人民东路88号"},
}  # fmt: skip


def report(station: Station, event: str) -> Document:
    return station.do(CHIEF, after_action.report, station.event(event))


def read(document: Document) -> str:
    """The page as its readers see it, in one line per row or paragraph."""
    text = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", page.render(document), flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"</t[dh]>", "|", text)))


def in_word(document: Document) -> str:
    with zipfile.ZipFile(io.BytesIO(docx.render(document))) as file:
        return html.unescape(re.sub(r"<[^>]+>", "", file.read("word/document.xml").decode()))


def table(document: Document, section: str, title: str = "") -> list[list[str]]:
    """Cells of a table, as text."""
    [found] = [one for one in document.sections if one.title == section]
    [block] = [one for one in found.blocks if isinstance(one, Table) and one.title == title]
    return [[cell if isinstance(cell, str) else f"!{cell.text}" for cell in row] for row in block.rows]


def matter(station: Station, event: str) -> None:
    """A caller's matter with its call, put under the event."""
    case = station.register(operator(), WORDS, **CALLER).case.id
    station.do(operator(), events.add_cases, event, [case])

    async def called(work: Work) -> None:
        work.session.add(_call("k-1", work.now, caller=CALLER["caller_number"], case_id=case))
        work.session.add(CaseCall(case_id=case, call_id="k-1", at=work.now))

    station.do(SYSTEM, called)


def _call(id_: str, at: dt.datetime, **more: str) -> Call:
    texts = dict.fromkeys(
        ("kind", "centre", "called", "origin", "answered_by", "end_cause", "overflowed_to", "after", "case_id", "sip_call_id"), ""
    )
    empty = dict.fromkeys(("caller", "queued_at", "answered_at", "ended_at", "waited"))
    return Call(**{**texts, **empty, "id": id_, "rev": 1, "started_at": at, **more})


def recorded(station: Station, call: str) -> None:
    async def keep(work: Work) -> None:
        work.session.add(_call(call, work.now))
        work.session.add(
            Recording(
                id="rec-1", call_id=call, at=work.now, path="x.wav", started_at=work.now, seconds=95.0, sha256="", size=1,
                repaired=False, caller_silent=False,
            )
        )  # fmt: skip

    station.do(SYSTEM, keep)


def played(station: Station) -> str:
    """Gas refuses and its leader takes it, fire never answers, power signs; arrival, report and order are late."""
    event: str = station.register(facts={"deaths": 3}, situation="目击者13812345678称有爆燃").id
    matter(station, event)
    station.start(event)
    station.answer(GAS, "refused")
    station.later(minutes=1)
    recorded(station, f"c-{station.answer(GAS_CHIEF, 'accepted')}")
    for _ in range(2):
        station.answer(FIRE, "no_answer")
        station.later(seconds=21)
    power, gas = station.request(event, "power").id, station.request(event, "gas").id
    station.do(unit(URBAN), requests.accept, power, via="desk", who="u")
    station.later(minutes=4)
    station.do(police(), mutual.sign, station.mutual(event)[0].id)
    station.later(minutes=4)
    station.do(unit(HOUSING), requests.progress, gas, "send-out")
    station.do(CHIEF, tasks.send, event, text="警戒,联系0871-63109999", post="gas", due=station.now + dt.timedelta(minutes=10))
    sand = Details("其他", "沙袋", HOUSING, amount=500.0, measure="袋", phone="13600006666")
    material = station.do(ADMIN, resources.put, "material", "W-1", sand, city=KUNMING)
    station.do(ADMIN, resources.stock, material.id, -200.0, "围堰", event=event)
    station.later(minutes=25)
    station.do(unit(HOUSING), requests.progress, gas, "arrive")
    station.do(unit(HOUSING), tasks.step, station.tasks(event)[0].id, "finish", text="完成警戒")
    station.later(minutes=6)
    station.do(unit(HOUSING), requests.progress, gas, "feed-back", text="已关阀,问13512345678")
    station.later(hours=2)
    station.do(operator(), reporting.submit, station.reports(event)[0].id, FIRST)
    station.do(CHIEF, events.end, event, APPROVED)
    return event


def test_the_report_tells_the_whole_story(station: Station) -> None:
    event = played(station)
    station.later(hours=20)
    station.do(CHIEF, reviews.write, event, "消防线路无人接听,须增加备用号码。")
    station.do(CHIEF, reviews.improve, event, text="增加消防备用号码", unit=HOUSING, due_on=dt.date(2026, 12, 10))
    document = report(station, event)
    text = read(document)
    assert [one.title for one in document.sections] == SECTIONS
    assert (document.title, document.subtitle, document.notice) == ("“人民路燃气泄漏”突发事件复盘报告", "初稿", "")
    assert "Ⅲ级(较大)" in text and "死亡3人" in text and "燃气泄漏预案(530100-gas-leak-1)" in text
    assert [told for told in TOLD if told not in text] == []
    assert set(station.written(event)) <= chronicle.SENTENCES.keys()
    says_how_each_post_moved(document)
    says_which_limits_were_kept(document)
    assert table(document, "互通报")[0][4:] == ["5分42秒", "1", "已签收", "!超时2分42秒"]
    assert table(document, "资源使用")[0][1:5] == ["沙袋", "出库", "200袋", "300袋"]
    heard = [row for row in table(document, "录音清单") if row[4] != "—"]
    assert [(row[0], row[3], row[4]) for row in heard] == [("电话", "1分35秒", "rec-1")]
    assert "消防线路无人接听,须增加备用号码。" in text and "复盘结论尚未定稿" in text
    assert [row[1:5] for row in table(document, "改进项")] == [
        ["增加消防备用号码", "住房和城乡建设局", "2026年12月10日", "整改中"]
    ]
    says_nothing_of_callers_and_numbers(document)

    found = station.do(CHIEF, after_action.figures, station.event(event))
    assert (found.totals.told, found.totals.signed, found.totals.sign) == (3, 2, Ratio(2, 3))
    assert (found.totals.to_sign.median, found.totals.to_arrive.p90, found.reports_made) == (81.0, 2082.0, Ratio(0, 2))
    assert found.tally.counts == {"matters": (1,), "calls": (1,)}


def says_how_each_post_moved(document: Document) -> None:
    rows = {row[0].split("\n")[0]: row for row in table(document, "通知与签收", "各岗响应")}
    fire, gas, power = rows["消防指挥中心"], rows["燃气抢修"], rows["供电值班"]
    assert (fire[2], fire[7]) == ("!未签收", "已取消")
    assert gas[2] == "10:01:00\n1分" and gas[3] == "10:09:42\n9分42秒", "sent out within ten minutes of signing"
    assert gas[4] == "!10:34:42\n34分42秒\n超时3分42秒" and gas[6] == "电话2次,升1级"
    assert power[2] == "10:01:42\n1分42秒" and power[3:6] == ["—", "—", "—"], "who is informed need not set out"
    [chart] = [one for part in document.sections for one in part.blocks if isinstance(one, SpanChart)]
    arrival = next(one for one in chart.spans if one.label == "燃气抢修 到场")
    assert arrival.limit is not None and arrival.end is not None
    assert (arrival.limit - arrival.start, arrival.end - arrival.limit) == (dt.timedelta(minutes=30), dt.timedelta(seconds=222))


def says_which_limits_were_kept(document: Document) -> None:
    late = {(row[1].split(" ")[0], row[2]): row[5] for row in table(document, "时限执行", "联动不及时清单")}
    assert late == {
        ("消防指挥中心", "签收"): "!超时未完成",
        ("燃气抢修", "到场"): "!超时3分42秒",
        ("燃气抢修", "反馈"): "!超时9分42秒",
        ("互通报", "签收"): "!超时2分42秒",
        ("初报", "电话报告"): "!超时2小时15分",
        ("初报", "书面报送"): "!超时45分42秒",
        ("指令", "完成"): "!超时15分",
    }
    kept = [(row[1], row[2]) for row in table(document, "时限执行", "按时完成和未到时限的环节")]
    assert kept == [("燃气抢修", "签收"), ("燃气抢修", "出动"), ("供电值班", "签收"), ("终报", "书面报送")]


def says_nothing_of_callers_and_numbers(document: Document) -> None:
    secret = [*CALLER.values(), WORDS, "13812345678", "13512345678", "63109999", "13600006666", APPROVED.approver]
    secret += [str(post[key]) for post in POSTS.values() for key in ("main", "reserve", "sms") if len(str(post.get(key, ""))) > 5]
    assert not [one for one in secret if one in page.render(document)]
    for paper in (read(document), in_word(document)):
        assert not [one for one in secret if one in paper]
        assert paper.count("〔号码略〕") == 3, "in the situation, the order and the feedback"


def test_while_the_event_runs_the_report_is_an_interim_one_and_says_so(station: Station) -> None:
    event = station.register().id
    assert "阶段性报告(事件已登记,尚未启动响应)" in read(report(station, event))
    station.start(event)
    station.later(minutes=5)
    document = report(station, event)
    text = read(document)
    assert document.subtitle == "阶段性报告(事件仍在处置中)" and "数据截至2026年11月25日 10:05:00" in text
    assert "未完成,已超时2分" in text and "响应终止后填写" in text
    station.do(CHIEF, events.end, event, APPROVED)
    station.do(CHIEF, reviews.write, event, "联动不及时")
    assert report(station, event).subtitle == "初稿"
    station.do(CHIEF, reviews.conclude, event)
    done = report(station, event)
    assert done.subtitle == "定稿" and "阶段性" not in read(done) and "超时未完成" in read(done)
    station.later(hours=30)
    assert table(report(station, event), "时限执行", "联动不及时清单") == table(done, "时限执行", "联动不及时清单")


def test_a_drill_is_marked_on_every_page(station: Station) -> None:
    drill = station.do(CHIEF, drills.prepare, rehearsal.parse(SCRIPT), city=KUNMING).id
    event = station.do(CHIEF, drills.begin, drill, rehearsal.parse(SCRIPT), centre="12345").id
    document = report(station, event)
    assert document.notice == "演练" and "这是演练“第四季度燃气演练”,不是真实事件" in read(document)


def test_dismissed_and_secondary_events_say_what_they_are(station: Station) -> None:
    first = station.register()
    second = station.do(operator(), events.register, _other(), city=KUNMING, centre="12345", parent=first.id)
    assert second.number in read(report(station, first.id)) and first.number in read(report(station, second.id))
    station.do(CHIEF, events.dismiss, second.id, Approval("误报", "主任"))
    assert report(station, second.id).subtitle == "事件已排除"
    assert second.number not in read(report(station, first.id))


def _other() -> events.Draft:
    return events.Draft(
        kind="fire", title="爆燃", place="人民路12号", happened_at=dt.datetime(2026, 11, 25, 2, tzinfo=dt.UTC), situation=""
    )


def test_a_long_journal_is_cut_and_says_so(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    event = station.started().id
    assert "只列出" not in read(report(station, event))
    monkeypatch.setattr(after_action, "MOST", 5)
    monkeypatch.setattr(after_action, "PAGE", 3)
    text = read(report(station, event))
    assert "这里只列出前5条" in text and text.count("登记突发事件") == 1
