"""What people made of the engine's words: which decisions become examples, what is in them, and what never is."""

from __future__ import annotations

import concurrent.futures
import csv
import dataclasses
import datetime as dt
import json
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from classifier.extract import mask
from classifier.learning import data as tables
from classifier.learning.anonymous import anonymous
from classifier.verdict import AgencyChance, Suggestion, Verdict
from config import settings as configuration
from config.errors import ConfigError
from config.model import CityLearning, Classifier
from hotline import cli
from router.allocation.decision import Ticks
from router.casework import allocate, examples, handoffs, negotiation, orders, overrules, tickets
from router.casework.examples import Examples
from router.casework.overrules import Settled
from router.storage import sealed, vault
from router.storage.casework import Case
from router.storage.engine import Database
from router.storage.journal import JournalEntry
from tests.casework.parts import HOUSING, KUNMING, LABOUR, SYSTEM, URBAN, Desk, keys, operator, police
from tests.storage.parts import run

WAGES = "工地老板拖欠工资三个月,一共两万块,一直不给"
DUST = "工地渣土车到处撒土"
ROOF = "我站在楼顶上了"
SECRETS = (
    "13800138000",
    "138 0013 8000",
    "欧阳明月",
    "明月",
    "李建国",
    "王小丽",
    "530102199003071234",
    "云A12345",
    "3栋",
    "501",
    "88号",
)
TOLD = (
    "我叫欧阳明月,电话138 0013 8000,身份证530102199003071234,住翠湖小区3栋2单元501,隔壁李建国的车云A12345堵门,"
    "王小丽说在北京路88号见过他,工地渣土车到处撒土,明月敬上"
)


class Scripted:
    """Says of words what it was told to."""

    version = "duty-test-s0"

    def judge(self, text: str) -> Verdict:
        urgent = "楼顶" in text
        item = "" if "嗯" in text else "SX-001"
        return Verdict(
            route="110" if urgent else "12345" if item else "unsure",
            urgent=urgent,
            services=("110",) if urgent else (),
            items=(Suggestion(item, 0.9),) if item else (),
            agencies=(AgencyChance("人社", 0.9),),
            police_class="1701" if urgent else "",
            confidence=0.9 if item else 0.2,
            urgent_confidence=0.9,
            engine=self.version,
        )


def scripted(one: Desk) -> Desk:
    one.town = dataclasses.replace(one.town, engine=lambda city, catalog: Scripted())
    return one


@pytest.fixture
def here(furnished_sqlite: Path, tmp_path: Path) -> Iterator[Desk]:
    """A town on SQLite; what asks the database for more than rows is tried on the others too."""
    keys()
    for part in furnished_sqlite.parent.glob(f"{furnished_sqlite.name}*"):
        shutil.copy(part, tmp_path / part.name)
    one = Desk(
        Database(f"sqlite:///{tmp_path / furnished_sqlite.name}"), tmp_path, dt.datetime(2026, 11, 25, 2, 0, tzinfo=dt.UTC)
    )
    yield scripted(one)
    run(one.close())


def collected(desk: Desk, **more: Any) -> Examples:
    async def look() -> Examples:
        async with desk.database.read() as session:
            return await examples.collect(session, [KUNMING], **more)

    return run(look())


def settled(desk: Desk, **more: Any) -> list[Settled]:
    async def look() -> list[Settled]:
        async with desk.database.read() as session:
            return [one async for page in overrules.settled(session, **more) for one in page]

    return run(look())


def closed(desk: Desk, case: str) -> None:
    async def close() -> None:
        async with desk.database.write() as session:
            await session.execute(update(Case).where(Case.id == case).values(closed_at=desk.now, state="closed"))

    run(close())


def overruled(desk: Desk, words: str, chosen: Ticks, **more: Any) -> str:
    found = desk.register(operator(), words, place="五华区", **more)
    desk.wait(minutes=5)
    desk.do(operator(), allocate.overrule, found.case.id, chosen, "听错了")
    return found.case.id


def test_an_item_that_a_person_chose_instead_becomes_an_example(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    overruled(here, DUST, Ticks(item="SX-019"))
    [one] = collected(here).rows
    assert (one.text, one.item, one.said_item, one.label) == (DUST, "SX-019", "SX-001", "城管")
    assert (one.route, one.said_route, one.urgent, one.said_urgent) == ("12345", "12345", None, False)
    assert (one.model, one.at) == ("duty-test-s0", dt.date(2026, 11, 25))
    assert collected(here, names=True).rows[0].label == "城市管理局"
    monkeypatch.setattr(examples, "anonymous", lambda *_, **__: None)
    found = collected(here)
    assert (found.rows, found.withheld, found.overruled) == ([], 1, 0), "a text that may still tell who is meant"


def test_what_points_at_a_person_does_not_leave(here: Desk) -> None:
    overruled(here, TOLD, Ticks(item="SX-019"), caller_name="欧阳明月", caller_number="13800138000")
    [one] = collected(here).rows
    assert "渣土车到处撒土" in one.text
    for secret in SECRETS:
        assert secret not in "".join(one.cells()), (secret, one.text)
    assert not re.search(r"\d{3,}", one.text), one.text


def test_urgency_that_a_person_said_or_withdrew_is_told_and_no_other(here: Desk) -> None:
    raised = overruled(here, "对方拿着砖头在追", Ticks(danger=True))
    found = here.register(operator(), ROOF, place="五华区")
    here.wait(minutes=1)
    here.do(police(), orders.withdraw, here.order(found.case.id).id, "是唱歌的")
    confirmed = here.register(operator(), ROOF, place="五华区")
    here.wait(minutes=1)
    here.do(police(), orders.confirm, here.order(confirmed.case.id).id)
    alone = here.register(operator(), ROOF, place="五华区")
    said = {one.case: one for one in settled(here)}
    assert [said[one].urgent for one in (raised, found.case.id, confirmed.case.id, alone.case.id)] == [True, False, True, None]
    assert [said[one].overruled for one in (raised, found.case.id, confirmed.case.id, alone.case.id)] == [
        True,
        True,
        False,
        False,
    ]
    assert (said[raised].route, said[raised].said.route) == ("110", "12345")
    assert said[confirmed.case.id].route == "110" and said[alone.case.id].route == "", "nobody has confirmed it yet"
    rows = {one.text: one.cells() for one in collected(here).rows}
    assert rows["对方拿着砖头在追"][4] == "yes" and rows[ROOF][4] == "no" and len(rows) == 2


def test_who_led_in_the_end_is_told_once_it_is_settled(here: Desk) -> None:
    found = here.register(operator(), WAGES, kind="complaint", place="五华区", ticks=Ticks(belongs="110"))
    [one] = settled(here)
    assert one.route == "" and not one.overruled, "the other side has not taken it"
    here.wait(minutes=1)
    here.do(police(), handoffs.accept, found.handoffs[0].id)
    [one] = settled(here)
    assert (one.route, one.overruled) == ("110", True)
    here.do(police(), handoffs.return_, found.handoffs[0].id, "属于劳动纠纷")
    assert settled(here)[0].route == ""
    here.wait(minutes=1)
    here.do(operator(), negotiation.concede, found.handoffs[0].id, "我方受理")
    [one] = settled(here)
    assert (one.route, one.overruled) == ("12345", False), "in the end it is as the engine had said"


def test_guidance_is_a_route_and_an_open_question_is_none(here: Desk) -> None:
    overruled(here, WAGES, Ticks(belongs="neither"))
    overruled(here, WAGES, Ticks(belongs="unclear"))
    assert [(one.route, one.overruled) for one in settled(here)] == [("guide", True), ("", False)]


def test_what_the_engine_could_not_say_and_a_person_did_is_an_example(here: Desk) -> None:
    here.register(operator(), "嗯那个渣土的事", item="SX-019", place="五华区")
    [one] = collected(here).rows
    assert (one.said_item, one.said_route, one.item, one.route) == ("", "unsure", "SX-019", "12345")


def test_what_another_system_ticked_is_nobody_s_correction(here: Desk) -> None:
    here.register(operator(), DUST, item="SX-019", channel="web", origin="网站", origin_id="1", place="五华区")
    [one] = settled(here)
    assert one.item == "SX-019" and not one.overruled


def test_an_agency_that_was_chosen_by_hand_is_the_label(here: Desk) -> None:
    found = here.register(operator(), WAGES, kind="complaint", place="五华区")
    assert here.ticket(found.case.id).agency == LABOUR
    here.wait(minutes=1)
    here.do(operator(), tickets.dispatch, here.ticket(found.case.id).id, [HOUSING], HOUSING, None)
    [one] = settled(here)
    assert (one.agency, one.overruled) == (HOUSING, True)
    assert collected(here).rows[0].label == "住建"
    assert URBAN != HOUSING


@pytest.mark.parametrize(
    "more",
    [
        {"confidentiality": "caller"},
        {"confidentiality": "stability"},
        {"ticks": Ticks(stability=True)},
        {"ticks": Ticks(police_complaint="ongoing")},
    ],
    ids=["caller", "stability", "clue", "complaint"],
)
def test_guarded_matters_leave_nothing(here: Desk, more: dict[str, Any]) -> None:
    overruled(here, DUST, Ticks(item="SX-019"), **more)
    found = collected(here, confirmed=True)
    assert (found.rows, found.guarded) == ([], 1)


def test_erased_and_merged_matters_and_drafts_leave_nothing_and_police_notes_are_never_read(here: Desk) -> None:
    first, second = (overruled(here, DUST, Ticks(item="SX-019")) for _ in range(2))

    async def end() -> None:
        async with here.database.write() as session:
            await session.execute(update(Case).where(Case.id == first).values(erased_at=here.now, words=""))
            await session.execute(update(Case).where(Case.id == second).values(merged_into=first))

    run(end())
    third = overruled(here, "对方拿着砖头在追", Ticks(danger=True))
    here.do(police(), orders.write_notes, here.order(third).id, "线人是小赵")
    [one] = collected(here).rows
    assert one.text == "对方拿着砖头在追" and "线人" not in "".join(one.cells())


def test_the_order_is_always_the_same_and_days_bound_what_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    here = scripted(desk)
    monkeypatch.setattr(overrules, "AT_ONCE", 2)
    for number in range(5):
        overruled(here, f"{DUST}第{number}次", Ticks(item="SX-019"))
        here.wait(days=1)
    found = collected(here)
    assert [one.at.day for one in found.rows] == [25, 26, 27, 28, 29] and found.overruled == 5
    assert collected(here).rows == found.rows
    since = dt.datetime(2026, 11, 27, tzinfo=examples.HERE)
    assert [one.at.day for one in collected(here, since=since).rows] == [27, 28, 29]
    assert [one.decided.day for one in settled(here, registered_since=since)] == [27, 28, 29]
    assert settled(here, cities=["532900"]) == []


def test_a_sample_of_closed_decisions_that_stood_keeps_training_honest(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "FEWEST_CONFIRMED", 3)
    overruled(here, DUST, Ticks(item="SX-019"))
    for number in range(6):
        closed(here, here.register(operator(), f"{WAGES}{'啊' * number}", kind="complaint", place="五华区").case.id)
    here.register(operator(), WAGES + "还没办", kind="complaint", place="五华区")
    assert len(collected(here).rows) == 1
    found = collected(here, confirmed=True)
    assert (found.overruled, found.confirmed, len(found.rows)) == (1, 3, 4)
    assert all(one.item == one.said_item and one.urgent is None for one in found.rows if one.text != DUST)
    assert collected(here, confirmed=True).rows == found.rows


# --- what is taken out of words


FAMILY = "王李张刘陈黄孙高林马罗"
GIVEN = ("伟", "秀英", "志强", "浩然", "国庆")
FRAMES = (
    "我叫{},反映楼下太吵",
    "隔壁{}每天半夜敲墙",
    "老板{}拖欠工资三个月",
    "我和{}说了没有用",
    "孩子班主任{}收红包",
    "被邻居{}打了",
    "联系人:{},请回电",
    "包工头{}跑了",
)


def test_names_that_are_introduced_or_stand_by_a_relation_are_gone() -> None:
    left = [
        (frame, name)
        for frame in FRAMES
        for family in FAMILY
        for name in (family + given for given in GIVEN)
        if name in (anonymous(frame.format(name)) or "")
    ]
    assert len(left) <= len(FRAMES) * len(FAMILY) * len(GIVEN) // 100, left[:40]


@pytest.mark.parametrize("name", ["王伟", "欧阳娜娜", "李明", "买买提·艾力", "高兴"])
def test_the_name_on_the_form_is_gone_wherever_it_stands(name: str) -> None:
    for frame in ("{}开车撞了人", "昨天{}又来了", "找{}要钱,{}不给"):
        found = anonymous(frame.format(*[name] * 2), name=name)
        assert found is not None and name not in found, found


@pytest.mark.parametrize(
    "text",
    [
        "住3栋2单元501", "在人民中路123号", "房号2-1-301,没有水", "我住1203,楼上漏水", "楼下205天天唱歌", "翠湖小区5-2-1801",
        "和平村5组12号", "北京路延长线88号附1号", "单元602漏水", "三号楼二单元五零一",
        "电话13800138000", "幺三八零零一三八零零零", "0871-63123456",
        "订单202611250001", "尾号6222021234567890123", "微信wx_abc12345"
    ],
)  # fmt: skip
def test_numbers_of_houses_phones_and_papers_are_gone(text: str) -> None:
    for whole in (text, f"反映{text},请处理", f"{text}\n{text}"):
        found = anonymous(whole)
        assert found is not None and not re.search(r"\d{2,}|五零一|零零零", found), (whole, found)


def test_places_of_the_form_are_gone_and_what_is_no_number_of_a_house_stays() -> None:
    assert "1704" not in (anonymous("就在1704那一户", place="五华区翠湖小区17栋1704") or "")
    for text in ("12345打不通,110也打不通", "拖欠工资20000元", "黄河路口红绿灯坏了三天", "2026年5月1日停水", "5路公交车不停站"):
        assert anonymous(text) == mask(text) == text


def test_a_text_that_is_taken_out_once_stays_as_it_is() -> None:
    for text in (TOLD, "老王和小李在5-2-1801打架,电话1380013800013800138000", "【姓名】李建国【门牌】-301"):
        found = anonymous(text)
        assert found is not None and anonymous(found) == found


# --- the commands


def test_no_city_is_learnt_from_before_it_agrees() -> None:
    towns = [KUNMING, "532900"]
    for rules, city in ((Classifier(), ""), (Classifier(), KUNMING), (Classifier(learn_from_overrules=True), "110000")):
        with pytest.raises(examples.NotAgreed):
            examples.agreed(rules, towns, city)
    one = Classifier(cities={KUNMING: CityLearning(learn_from_overrules=True)})
    assert examples.agreed(one, towns) == [KUNMING]
    with pytest.raises(examples.NotAgreed, match="532900"):
        examples.agreed(one, towns, "532900")
    but = Classifier(learn_from_overrules=True, cities={KUNMING: CityLearning(learn_from_overrules=False)})
    assert examples.agreed(but, towns) == ["532900"]


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    status: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "config"
    made.mkdir()
    for file in configuration.DEFAULT_FOLDER.glob("*.yaml"):
        shutil.copy(file, made)
    return made


@pytest.fixture
def hotline(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Done]]:
    """The command line in this process, away from the reactor's thread."""
    monkeypatch.setenv("HOTLINE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HOTLINE_CONFIG_DIR", str(folder))
    monkeypatch.setattr(sealed, "LOOK_EVERY", 0.0)

    def call(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["hotline", *arguments])
        capsys.readouterr()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            ended = pool.submit(cli.main).exception()
        assert isinstance(ended, SystemExit)
        said = capsys.readouterr()
        return Done(int(ended.code or 0), said.out, said.err)

    yield call
    sealed.close()


@pytest.fixture
def own(tmp_path: Path, furnished_sqlite: Path) -> Iterator[Desk]:
    """The town in a data folder of its own, with keys that a command can open."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    for part in furnished_sqlite.parent.glob(f"{furnished_sqlite.name}*"):
        shutil.copy(part, data / part.name.replace(furnished_sqlite.name, "hotline.db"))
    one = scripted(Desk(Database(f"sqlite:///{data}/hotline.db"), tmp_path, dt.datetime.now(dt.UTC) - dt.timedelta(days=2)))
    run(vault.unlock(one.database, data))
    yield one
    run(one.close())


def agree(folder: Path) -> None:
    file = folder / "classifier.yaml"
    file.write_text(file.read_text("utf-8").replace("learn_from_overrules: false", "learn_from_overrules: true"), "utf-8")


def test_the_command_refuses_until_the_city_agrees_and_reads_nothing(
    hotline: Callable[..., Done], own: Desk, tmp_path: Path
) -> None:
    overruled(own, TOLD, Ticks(item="SX-019"))
    out = tmp_path / "examples.csv"
    done = hotline("classifier", "examples", "--out", str(out))
    assert done.status == 2 and "learn_from_overrules" in done.err and "Traceback" not in done.err
    assert not out.exists() and not own.rows(JournalEntry, JournalEntry.action.like("export%"))


def test_the_command_writes_a_table_that_training_reads_and_journals_it(
    hotline: Callable[..., Done], own: Desk, folder: Path, tmp_path: Path
) -> None:
    agree(folder)
    for _ in range(2):
        overruled(own, TOLD, Ticks(item="SX-019"), caller_name="欧阳明月", caller_number="13800138000")
    overruled(own, "对方拿着砖头在追", Ticks(danger=True))
    out = tmp_path / "examples.csv"
    done = hotline("classifier", "examples", "--out", str(out), "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out) | {"file": "", "cities": []} == {
        "file": "", "rows": 3, "cities": [], "overruled": 3, "confirmed": 0, "guarded": 0, "withheld": 0,
    }  # fmt: skip
    raw = out.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") and stat.S_IMODE(out.stat().st_mode) == 0o600
    rows = list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))
    assert tuple(rows[0]) == examples.COLUMNS and len(rows) == 3
    for secret in SECRETS:
        assert secret not in raw.decode("utf-8-sig"), secret
    assert {row.label for row in tables.read(out, label="item").rows} >= {"SX-019"}
    again = hotline("classifier", "examples", "--out", str(out), "--since", "2000-01-01", "--city", KUNMING)
    assert again.status == 0 and out.read_bytes() == raw
    entries = sorted(own.rows(JournalEntry, JournalEntry.action.like("export%")), key=lambda one: (one.chain, one.seq))
    assert [(one.action, one.subject) for one in entries] == [
        ("export", "classifier.examples"),
        ("export.ended", "classifier.examples"),
    ] * 2
    assert entries[1].detail["rows"] == 3 and entries[2].detail["filters"]["since"].startswith("2000-01-01")
    assert entries[0].actor.startswith("system:command-line:")


@pytest.mark.parametrize(
    ("given", "words"),
    [(("--since", "gestern"), "--since gestern is no date"), (("--city", "110000"), "no centre serves the city 110000")],
)
def test_what_is_typed_wrongly_is_told(
    hotline: Callable[..., Done], folder: Path, tmp_path: Path, given: tuple[str, ...], words: str
) -> None:
    agree(folder)
    done = hotline("classifier", "examples", "--out", str(tmp_path / "x.csv"), *given)
    assert done.status == 2 and words in done.err


def test_a_file_that_can_not_be_written_leaves_none(
    hotline: Callable[..., Done], own: Desk, folder: Path, tmp_path: Path
) -> None:
    agree(folder)
    done = hotline("classifier", "examples", "--out", str(tmp_path / "nowhere" / "x.csv"))
    assert done.status == 1 and "can't be written" in done.err
    assert own.rows(JournalEntry, JournalEntry.action == "export") and not own.rows(
        JournalEntry, JournalEntry.action == "export.ended"
    )


def test_the_setting_is_checked(folder: Path) -> None:
    assert configuration.load(folder, {}).installation.classifier.learns(KUNMING) is False
    file = folder / "classifier.yaml"
    for wrong, words in (
        ("classifier: {learn_from_overules: true}", "did you mean learn_from_overrules"),
        ('classifier: {cities: {"110000": {learn_from_overrules: true}}}', "no centre serves the city 110000"),
    ):
        file.write_text(wrong, "utf-8")
        with pytest.raises(ConfigError) as told:
            configuration.load(folder, {})
        assert words in str(told.value), wrong


def test_drift_is_told_of_the_last_weeks(
    hotline: Callable[..., Done], own: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hotline import classifier_learning
    from tests.classifier.test_drift import model

    card = {"trained_on": {"what": "own.csv"}, "texts": 100, "items": {"SX-001": 100}, "routes": {"12345": 100}, "urgent": 0}
    monkeypatch.setattr(classifier_learning, "_models", lambda settings: (model([WAGES], **card), None))
    overruled(own, WAGES, Ticks(item="SX-019"))
    own.register(operator(), ROOF, place="五华区", confidentiality="caller")
    page = tmp_path / "drift.html"
    done = hotline("classifier", "drift", "--weeks", "2", "--json", "--report", str(page))
    assert done.status == 0, done.err
    found = json.loads(done.out)
    assert [week["texts"] for week in found["weeks"]] == [0, 2] and found["models"] == ["duty-test"]
    assert found["weeks"][1]["routes"] == {"110": 0.5, "12345": 0.5} and found["weeks"][1]["urgent"] == 0.5
    assert 0 < found["weeks"][1]["unknown_terms"] < 1
    assert found["overruled_by_item"][0]["label"] == "SX-001" and found["overruled_by_item"][0]["overruled"] == 1
    assert "模型漂移报告" in page.read_text("utf-8") and "楼顶" not in page.read_text("utf-8") + done.out
    assert hotline("classifier", "drift", "--weeks", "0").status == 2


def test_deciding_again_without_a_person_s_word_is_no_correction(here: Desk) -> None:
    async def again(work: Any, case: str) -> None:
        row = (await work.session.scalars(select(Case).where(Case.id == case))).one()
        await allocate.decide(work, row, "12345", Ticks())

    found = here.register(operator(), WAGES, kind="complaint", place="五华区")
    here.wait(minutes=1)
    here.do(SYSTEM, again, found.case.id)
    assert [one.overruled for one in settled(here)] == [False]
