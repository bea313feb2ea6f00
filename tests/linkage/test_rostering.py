"""Rosters as people keep them: changes of shifts, stand-ins, swaps, what is refused, and tables that are imported."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.catalog import grid
from router.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from router.linkage.duty import posts, roster_table, rostering
from router.linkage.duty.roster_table import BadRoster, Imported
from router.storage.duty import DutyShift
from router.storage.journal import JournalEntry
from tests.casework.parts import KUNMING, LABOUR, unit
from tests.linkage.dutyparts import DAY, OURS, Crew, at
from tests.linkage.parts import ADMIN, Station

EIGHT, TWENTY = dt.time(8), dt.time(20)


@pytest.fixture
def crew(station: Station) -> Crew:
    return Crew.of(station)


def test_people_take_turns_and_a_change_of_shift_shows_at_its_moment(crew: Crew) -> None:
    crew.rotate("赵一", "钱二", "孙三", first="2026-11-24")
    assert crew.shown(at("11-24 08:00"), at("11-27 08:00")) == ["11-24 08:00 赵一", "11-25 08:00 钱二", "11-26 08:00 孙三"]
    crew.now = at("11-26 07:59")
    now = crew.on_duty()
    assert (now.person and now.person.name, now.until, now.kind) == ("钱二", at("11-26 08:00"), "rotation")
    crew.now = at("11-26 08:00")
    now = crew.on_duty()
    assert (now.person and now.person.name, now.until) == ("孙三", at("11-27 08:00"))


def test_handovers_follow_the_clock_of_the_post_when_it_changes(crew: Crew) -> None:
    crew.put("gas", zone="Europe/Berlin")
    crew.now = at("10-20 00:00")
    turns = crew.turns("赵一", "钱二", first=dt.date(2026, 10, 24), times=(EIGHT, TWENTY))
    crew.do(OURS, rostering.add_rotation, "gas", turns)
    berlin = ZoneInfo("Europe/Berlin")
    since = dt.datetime(2026, 10, 24, 8, tzinfo=berlin)
    found = crew.timeline(since, since + 2 * DAY)
    assert [(one.until - one.since) / dt.timedelta(hours=1) for one in found] == [12, 13, 12, 12], "the night has 13 hours"
    assert all(one.contact for one in found)


def test_gap_between_shifts_is_shown(crew: Crew) -> None:
    crew.shift("赵一", at("11-25 08:00"), at("11-25 19:30"))
    crew.shift("钱二", at("11-25 20:00"), at("11-26 08:00"))
    assert [(one.since, one.until) for one in crew.gaps(1)] == [
        (at("11-25 19:30"), at("11-25 20:00")),
        (at("11-26 08:00"), at("11-26 10:00")),
    ]
    crew.now = at("11-25 19:45")
    now = crew.on_duty()
    assert now.gap and now.until == at("11-25 20:00")


def test_a_stand_in_goes_before_and_can_be_cut_short(crew: Crew) -> None:
    crew.rotate("赵一")
    stand_in = crew.stand_in("钱二", at("11-26 10:00"), at("11-26 18:00"))
    span = at("11-26 09:00"), at("11-26 20:00")
    assert crew.shown(*span) == ["11-26 09:00 赵一", "11-26 10:00 钱二", "11-26 18:00 赵一"]
    crew.now = at("11-26 12:00")
    (cut,) = crew.do(OURS, rostering.cancel, stand_in)
    assert cut.cancelled_at is None
    assert crew.shown(*span) == ["11-26 09:00 赵一", "11-26 10:00 钱二", "11-26 12:00 赵一"], "what was done stays"
    with pytest.raises(Conflict, match="结束"):
        crew.do(OURS, rostering.cancel, stand_in)


def test_a_swap_and_its_undoing_touch_both_halves(crew: Crew) -> None:
    crew.rotate("赵一", "钱二", first="2026-11-26")
    span = at("11-26 08:00"), at("11-29 08:00")
    before = crew.shown(*span)
    first = (crew.people["赵一"], at("11-26 08:00"), at("11-27 08:00"))
    second = (crew.people["钱二"], at("11-27 08:00"), at("11-28 08:00"))
    halves = crew.do(OURS, rostering.swap, "gas", first, second, "家中有事")
    assert crew.shown(*span) == ["11-26 08:00 钱二", "11-27 08:00 赵一", "11-28 08:00 赵一"]
    assert halves[0].swap_id == halves[1].swap_id
    assert len(crew.do(OURS, rostering.cancel, halves[1].id)) == 2
    assert crew.shown(*span) == before
    with pytest.raises(Conflict, match="撤销"):
        crew.do(OURS, rostering.cancel, halves[0].id)


def test_a_swap_of_which_one_half_has_begun_is_not_undone_nor_made(crew: Crew) -> None:
    crew.rotate("赵一", "钱二", first="2026-11-26")
    first = (crew.people["赵一"], at("11-26 08:00"), at("11-27 08:00"))
    second = (crew.people["钱二"], at("11-27 08:00"), at("11-28 08:00"))
    halves = crew.do(OURS, rostering.swap, "gas", first, second, "家中有事")
    crew.now = at("11-26 09:00")
    with pytest.raises(Conflict, match="已经开始"):
        crew.do(OURS, rostering.cancel, halves[1].id)
    running = (crew.people["钱二"], at("11-26 08:00"), at("11-27 08:00"))
    other = (crew.people["赵一"], at("11-28 08:00"), at("11-29 08:00"))
    with pytest.raises(Conflict, match="已经开始") as told:
        crew.do(OURS, rostering.swap, "gas", running, other, "家中有事")
    assert told.value.facts["field"] == "first"


def test_entries_that_overlap_or_end_before_they_start_are_refused_with_place_and_remedy(crew: Crew) -> None:
    crew.shift("赵一", at("11-26 08:00"), at("11-26 20:00"))
    with pytest.raises(Conflict, match="与赵一的班次重叠:2026-11-26 08:00至2026-11-26 20:00") as told:
        crew.shift("钱二", at("11-26 19:00"), at("11-27 08:00"))
    assert told.value.facts["field"] == "since" and told.value.remedy
    with pytest.raises(Invalid) as wrong:
        crew.shift("钱二", at("11-27 20:00"), at("11-27 08:00"))
    assert wrong.value.facts["field"] == "until" and wrong.value.remedy
    with pytest.raises(Invalid) as unsaid:
        crew.do(OURS, rostering.add_override, "gas", crew.people["钱二"], at("11-27 20:00"), at("11-28 08:00"), " ")
    assert unsaid.value.facts["field"] == "reason"
    crew.rotate("赵一", first="2026-12-01", last="2026-12-31")
    with pytest.raises(Conflict, match="赵一,2026-12-01至2026-12-31"):
        crew.rotate("钱二", first="2026-12-31")
    with pytest.raises(Invalid) as early:
        crew.rotate("钱二", first="2027-01-02", last="2027-01-01")
    assert early.value.facts["field"] == "last_day"
    assert len(crew.rows(DutyShift)) == 1


def test_only_people_of_the_unit_are_on_duty_and_only_the_unit_keeps_the_roster(crew: Crew) -> None:
    crew.people["外人"] = crew.contact("外人", "13900000201", LABOUR)
    span = at("11-26 08:00"), at("11-26 20:00")
    enters: list[tuple[Callable[[], object], str]] = [
        (lambda: crew.shift("外人", *span), "contact"),
        (lambda: crew.stand_in("外人", *span), "contact"),
        (lambda: crew.rotate("赵一", "外人"), "contacts"),
    ]
    for enter, field in enters:
        with pytest.raises(Invalid, match="不是本单位") as told:
            enter()
        assert told.value.facts["field"] == field and "外人" not in told.value.what
    theirs = unit(LABOUR)
    rotation, shift = crew.rotate("赵一"), crew.shift("钱二", at("11-26 08:00"), at("11-26 20:00"))
    with pytest.raises(Forbidden):
        crew.do(theirs, rostering.add_shift, "gas", crew.people["钱二"], at("11-27 08:00"), at("11-27 20:00"))
    with pytest.raises(Forbidden):
        crew.do(theirs, rostering.end_rotation, rotation)
    with pytest.raises(Forbidden):
        crew.do(theirs, rostering.cancel, shift)
    crew.do(ADMIN, rostering.cancel, shift)


def test_a_retired_post_takes_no_entries_and_what_is_not_there_is_told(crew: Crew) -> None:
    crew.do(ADMIN, posts.retire, "gas")
    with pytest.raises(Conflict, match="停用"):
        crew.rotate("赵一")
    with pytest.raises(NotFound):
        crew.do(ADMIN, rostering.cancel, "none")
    with pytest.raises(NotFound):
        crew.do(ADMIN, rostering.end_rotation, "none")


def test_a_rotation_ends_with_the_shift_that_runs_and_keeps_its_past(crew: Crew) -> None:
    rotation = crew.rotate("赵一", "钱二", first="2026-11-20")
    with pytest.raises(Invalid, match="正在值") as told:
        crew.do(OURS, rostering.end_rotation, rotation, dt.date(2026, 11, 24))
    assert told.value.facts["field"] == "last_day"
    with pytest.raises(Stale):
        crew.do(OURS, rostering.end_rotation, rotation, rev=7)
    ended = crew.do(OURS, rostering.end_rotation, rotation, rev=1)
    assert (ended.last_day, ended.rev, ended.ended_at) == (dt.date(2026, 11, 25), 2, None)
    assert crew.shown(at("11-24 08:00"), at("11-28 08:00")) == ["11-24 08:00 赵一", "11-25 08:00 钱二", "11-26 08:00 -"]
    longer = crew.do(OURS, rostering.end_rotation, rotation, dt.date(2026, 11, 26))
    assert longer.last_day == dt.date(2026, 11, 26)
    crew.now = at("11-28 08:00")
    with pytest.raises(Conflict, match="已经结束"):
        crew.do(OURS, rostering.end_rotation, rotation)


def test_a_rotation_that_has_not_begun_is_struck_off(crew: Crew) -> None:
    rotation = crew.rotate("赵一", first="2026-12-01")
    assert crew.do(OURS, rostering.end_rotation, rotation).ended_at == crew.now
    assert crew.rungs()[1] == set(), "and the post is as if it never had a roster"
    crew.rotate("钱二", first="2026-12-01")


def test_a_following_rotation_may_not_be_run_into_by_a_longer_one(crew: Crew) -> None:
    rotation = crew.rotate("赵一", first="2026-11-20", last="2026-11-30")
    crew.rotate("钱二", first="2026-12-01")
    with pytest.raises(Conflict, match="钱二"):
        crew.do(OURS, rostering.end_rotation, rotation, dt.date(2026, 12, 1))


def test_changes_are_journalled_and_told_without_names(crew: Crew) -> None:
    crew.rotate("赵一")
    crew.do(OURS, rostering.cancel, crew.shift("钱二", at("11-26 08:00"), at("11-26 20:00")))
    written = [one for one in crew.rows(JournalEntry) if one.action.startswith("roster.")]
    assert sorted(one.action for one in written) == ["roster.cancelled", "roster.rotation_added", "roster.shift_added"]
    assert {one.detail["post"] for one in written} == {"gas"}
    assert not any(name in str(one.detail) for one in written for name in crew.people)
    assert [one["action"] for one in crew.told("roster.changed")] == [
        "roster.rotation_added",
        "roster.shift_added",
        "roster.cancelled",
    ]


# --- tables

GOOD = [
    ["gas", "赵一", "2026-12-01 08:00", "2026-12-01 20:00"],
    ["燃气抢修", "钱二", "2026/12/1 20:00", "2026/12/2 8:00"],
    ["gas", "孙三", "2026年12月2日 08:00", "2026年12月2日24:00"],
    ["gas", "赵一", "2026-12-31T20:00", "2027-01-01 08:00"],
]


def take(crew: Crew, lines: list[list[str]], month: str = "2026-12", kind: str = "csv") -> Imported:
    head = list(roster_table.HEADINGS)
    data = grid.write_csv(head, lines) if kind == "csv" else grid.write_xlsx("十二月", head, lines)
    return crew.do(OURS, roster_table.take, KUNMING, month, roster_table.read(data, f"值班表.{kind}"))


def test_a_month_is_imported_and_again_changes_nothing(crew: Crew) -> None:
    assert take(crew, GOOD, kind="xlsx") == Imported(4, 0)
    assert take(crew, GOOD) == Imported(0, 4)
    assert crew.shown(at("12-01 08:00"), at("12-03 08:00")) == [
        "12-01 08:00 赵一",
        "12-01 20:00 钱二",
        "12-02 08:00 孙三",
        "12-03 00:00 -",
    ]
    more = [*GOOD, ["gas", "钱二", "2026-12-03 00:00", "2026-12-03 08:00"]]
    assert take(crew, more) == Imported(1, 4)


def test_all_faults_of_a_table_are_told_at_once_with_their_cells_and_nothing_is_taken(crew: Crew) -> None:
    crew.shift("孙三", at("12-20 08:00"), at("12-20 20:00"))
    crew.contact("李四", "13900000301")
    crew.contact("李四", "13900000302")
    lines = [
        *GOOD[:2],
        ["没有的岗", "赵一", "2026-12-03 08:00", "2026-12-03 20:00"],
        ["labour", "赵一", "2026-12-03 08:00", "2026-12-03 20:00"],
        ["gas", "周八", "2026-12-03 08:00", "2026-12-03 20:00"],
        ["gas", "李四", "2026-12-03 08:00", "2026-12-03 20:00"],
        ["gas", "赵一", "12月3日早上", "2026-12-03 20:00"],
        ["gas", "赵一", "2026-12-03 08:00", "2026-13-03 20:00"],
        ["gas", "赵一", "2026-12-03 20:00", "2026-12-03 08:00"],
        ["gas", "赵一", "2027-12-03 08:00", "2027-12-03 20:00"],
        ["gas", "赵一", "2026-12-01 19:00", "2026-12-02 07:00"],
        ["gas", "赵一", "2026-12-20 07:00", "2026-12-20 09:00"],
        ["gas", "", "2026-12-03 08:00", "2026-12-03 20:00"],
    ]
    with pytest.raises(BadRoster) as told:
        take(crew, lines)
    found = {str(one["where"]).split(" ")[-1]: str(one["what"]) for one in told.value.facts["problems"]}
    assert list(found) == [
        "A4(值班岗)", "A5(值班岗)", "B6(姓名)", "B7(姓名)", "C8(开始)", "D9(结束)", "D10(结束)", "C11(开始)", "C12(开始)",
        "C13(开始)", "B14(姓名)",
    ]  # fmt: skip
    assert "不是本单位" in found["A5(值班岗)"] and "2个" in found["B7(姓名)"] and "第2行" in found["C12(开始)"]
    assert "孙三的班次重叠:2026-12-20 08:00至2026-12-20 20:00" in found["C13(开始)"]
    assert "值班表有11处错误" in told.value.what and all(one["remedy"] for one in told.value.facts["problems"])
    assert len(crew.rows(DutyShift)) == 1


def test_a_table_with_other_headings_and_a_month_that_is_none_are_refused(crew: Crew) -> None:
    with pytest.raises(BadRoster, match="姓名"):
        roster_table.read(grid.write_csv(["值班岗", "名字", "开始", "结束"], GOOD), "a.csv")
    for month in ("2026-13", "12月", ""):
        with pytest.raises(Invalid) as told:
            take(crew, GOOD, month)
        assert told.value.facts["field"] == "month"


def test_times_of_a_table_are_on_the_clock_of_the_post() -> None:
    assert roster_table.moment("2026-12-01 08:00", "Asia/Shanghai") == at("12-01 08:00")
    assert roster_table.moment("2026-12-01 24:00", "Asia/Shanghai") == at("12-02 00:00")
    assert roster_table.moment("2026-03-29 02:30", "Europe/Berlin") is None, "leapt over"
    first = dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)
    assert roster_table.moment("2026-10-25 02:30", "Europe/Berlin") == first, "shown twice: the first"
    for nonsense in ("2026-02-30 08:00", "2026-12-01 24:01", "2026-12-01", "明天", "9999-12-31 24:00"):
        assert roster_table.moment(nonsense, "Asia/Shanghai") is None


@given(st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2027, 12, 31)), st.sampled_from(["Asia/Shanghai", "America/New_York"]))
def test_a_time_that_is_read_is_the_one_that_the_clock_shows(wall: dt.datetime, zone: str) -> None:
    text = f"{wall:%Y-%m-%d %H:%M}"
    found = roster_table.moment(text, zone)
    if found is not None:
        assert f"{found.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" == text
    else:
        assert zone == "America/New_York" and wall.hour == 2 and wall.month == 3
