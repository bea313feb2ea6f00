"""What duty officers hear and read."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.linkage import machines, words
from router.linkage.notifying import ladder
from router.linkage.words import Matter
from telephony.speech import reading

AT = dt.datetime(2026, 11, 25, 1, 5, tzinfo=dt.UTC)
LEAK = Matter("燃气泄漏", "盘龙区人民路12号", 3, AT, "lead", "到场关阀", post="燃气抢修")
NUMBER = "T261125-00001"


def test_a_call_says_when_where_what_and_what_to_do() -> None:
    assert words.spoken([LEAK]) == "应急联动通知。9点05分,盘龙区人民路12号发生燃气泄漏,较大级别。请你单位到场关阀。"


def test_times_are_told_as_they_are_said_here() -> None:
    assert words.clock(AT) == "9点05分"
    assert words.clock(AT.replace(minute=0)) == "9点整"
    assert words.clock(dt.datetime(2026, 11, 24, 16, 30, tzinfo=dt.UTC)) == "0点30分"


@pytest.mark.parametrize("level", [4, None])
def test_an_ordinary_level_is_not_dwelt_on(level: int | None) -> None:
    assert "级别" not in words.spoken([replace(LEAK, level=level)])


def test_a_leader_hears_that_nobody_below_has_signed() -> None:
    assert words.spoken([replace(LEAK, rung=1)]).endswith("燃气抢修无人签收,请您处理。任务是:到场关阀。")


def test_a_leader_hears_what_was_taken_and_does_not_move() -> None:
    assert words.spoken([replace(LEAK, rung=1, chasing="send-out")]).endswith(
        "燃气抢修已签收,但超时未出动,请您督促。任务是:到场关阀。"
    )


def test_a_drill_is_told_before_anything_else() -> None:
    drill = replace(LEAK, drill=True)
    assert words.spoken([drill]).startswith(words.DRILL)
    assert words.spoken([drill, drill]).startswith(words.DRILL)
    assert words.written(drill, NUMBER).startswith("【演练】")


def test_a_real_matter_is_never_announced_as_a_drill() -> None:
    told = words.spoken([LEAK, replace(LEAK, drill=True)])
    assert not told.startswith(words.DRILL)
    assert "演练" not in words.spoken([LEAK]) + words.written(LEAK, NUMBER)


def test_several_matters_are_told_in_one_call_and_the_rest_counted() -> None:
    places = [replace(LEAK, place=f"{at}号楼") for at in "一二三四五"]
    assert words.spoken(places[:2]) == (
        "应急联动通知,您有2项任务。第1项,一号楼燃气泄漏,到场关阀。第2项,二号楼燃气泄漏,到场关阀。按键对全部任务有效。"
    )
    assert "其余2项请看工作台" in words.spoken(places)
    assert "四号楼" not in words.spoken(places)


def test_long_tasks_are_cut_at_a_stop_and_what_the_keys_are_for_is_still_told() -> None:
    long = replace(LEAK, task="关断上下游阀门,逐户检查。" * 80)
    alone = words.spoken([long])
    assert len(alone) <= words.LONGEST and alone.endswith("逐户检查。其余请看工作台。")
    for told in (words.spoken([long] * 2), words.spoken([replace(long, place="人民路" * 60)] * 5)):
        assert len(told) <= words.LONGEST
        assert told.endswith("按键对全部任务有效。")
        assert told.count("燃气泄漏") == min(3, told.count("第")), "each place is told"


def test_a_text_message_names_the_event_and_the_part() -> None:
    assert words.written(LEAK, NUMBER) == f"【应急联动】{NUMBER} 盘龙区人民路12号燃气泄漏 Ⅲ级(较大)。主责:到场关阀。"
    assert "(燃气抢修无人签收)" in words.written(replace(LEAK, rung=2), NUMBER)
    assert "(超时未到场)" in words.written(replace(LEAK, rung=2, chasing="arrive"), NUMBER)
    assert "未定级" in words.written(replace(LEAK, level=None), NUMBER)


def test_a_sentence_has_one_stop() -> None:
    for task in ("到场关阀", "到场关阀。"):
        told = words.spoken([replace(LEAK, task=task)]) + words.spoken([replace(LEAK, task=task)] * 2)
        assert "。。" not in told + words.written(replace(LEAK, task=task), NUMBER)


def test_what_one_line_tells_the_other_is_whole_without_details() -> None:
    assert words.mutual("12345", "火灾", "南屏街", AT, " ") == "12345通报:9点05分,南屏街发生火灾。详情正在核实。"
    assert words.mutual("110", "火灾", "南屏街", AT, "三层起火").endswith("三层起火。")
    assert len(words.mutual("110", "火灾", "南屏街", AT, "火" * 5000)) < 400


def test_duties_are_done_in_their_order() -> None:
    assert words.duties_done("asking") == []
    assert words.duties_done("accepted") == ["签收"]
    assert words.duties_done("fed-back") == ["签收", "出动", "到场", "反馈"]
    assert words.duties_done("cancelled") == []


def test_every_duty_channel_and_part_has_a_word() -> None:
    assert set(words.DUTIES) == {duty for duty, _ in ladder.MOVES}
    assert set(words.CHANNELS) == set(ladder.CHANNELS)
    assert {name for _, name in ladder.MOVES} <= set(machines.REQUEST.names)


MATTERS = st.builds(
    Matter,
    kind=st.sampled_from(["火灾", "燃气泄漏"]),
    place=st.text("路街号0123456789", max_size=200),
    level=st.sampled_from([None, 1, 2, 3, 4]),
    happened_at=st.datetimes(timezones=st.just(dt.UTC)),
    part=st.sampled_from(sorted(words.PARTS)),
    task=st.text("到场关阀,。", min_size=1, max_size=2000),
    drill=st.booleans(),
    chasing=st.sampled_from([None, *words.DUTIES]),
    rung=st.integers(0, 3),
    post=st.just("燃气抢修"),
)


@given(st.lists(MATTERS, min_size=1, max_size=6))
def test_whatever_the_matters_a_call_can_be_spoken_and_ends(matters: list[Matter]) -> None:
    told = words.spoken(matters)
    assert 0 < len(told) <= words.LONGEST
    assert reading.spoken(told)
