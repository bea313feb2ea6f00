"""The daily look over duty: what is wrong is told once for as long as it stays so, and settled when it is right again."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.linkage.duty import posts, rostering, rosters, watch
from router.linkage.duty.rosters import Roster, Shift
from router.linkage.duty.watch import Finding, Person, Watched
from router.storage.casework import Notice
from router.supervision import notices
from tests.casework.parts import HOUSING, URBAN
from tests.linkage import duty
from tests.linkage.duty import BERLIN, CHINA, EIGHT, book, entry, turning
from tests.linkage.dutyparts import OURS, Crew, at
from tests.linkage.parts import Station

NOW = duty.at("12-01 12:00")
DAY = dt.timedelta(days=1)


def watched(roster: Roster | None, *, zone: str = CHINA, stale: bool = False, post: str = "gas") -> Watched:
    return Watched(post, "燃气抢修", "unit", zone, stale, NOW - 70 * DAY, roster)


def people(*contacts: str, stale: str = "") -> dict[str, list[Person]]:
    return {"unit": [Person(one, "unit", "班长", one in stale, NOW - 100 * DAY) for one in contacts]}


def found(roster: Roster | None, contacts: str = "abc", now: dt.datetime = NOW) -> list[Finding]:
    return watch.findings([watched(roster)], people(*contacts), now)


# --- the pure core


def test_a_gap_within_a_week_is_found_with_its_ends_and_a_later_one_is_not() -> None:
    roster = book(turning("ab", EIGHT), entry("s", "d", "12-02 09:00", "12-02 10:00"))
    assert [one.kind for one in found(roster)] == ["contact-gone"]
    later = book(entry("x", "a", "12-01 08:00", "12-08 11:59"), entry("y", "b", "12-08 12:00", "12-30 08:00"))
    assert [(one.kind, one.since, one.until) for one in found(later)] == [("gap", duty.at("12-08 11:59"), None)], (
        "it reaches to the end of what is looked at"
    )
    assert found(later, now=NOW - dt.timedelta(minutes=2)) == []
    (gap,) = found(later, now=NOW + DAY)
    assert gap.until == duty.at("12-08 12:00") and gap.urgent and "12-08 11:59至12-08 12:00无人值班" in gap.text


def test_a_gap_keeps_its_key_from_before_it_begins_until_it_ends() -> None:
    roster = book(entry("x", "a", "11-01 08:00", "12-03 08:00"), entry("y", "b", "12-20 08:00", "12-30 08:00"))
    keys = {one.key for day in range(19) for one in found(roster, now=NOW + day * DAY) if one.since == duty.at("12-03 08:00")}
    assert len(keys) == 1


def test_a_post_that_has_long_had_nobody_is_told_of_anew_every_month_only() -> None:
    roster = book(entry("x", "a", "11-01 08:00", "11-02 08:00"))
    keys = [one.key for day in range(40, 100) for one in found(roster, now=NOW + day * DAY)]
    assert sorted(set(keys)) == ["gap:gas:2027-01", "gap:gas:2027-02", "gap:gas:2027-03"]


def test_a_post_that_never_had_a_roster_has_no_gap() -> None:
    assert found(None) == []
    assert [one.kind for one in found(book())] == ["gap"]


def test_a_rotation_that_runs_out_is_told_before_and_the_gap_when_it_is_there() -> None:
    roster = book(turning("ab", EIGHT, first="2026-11-01", last="2026-12-05"))
    (soon,) = found(roster)
    assert (soon.kind, soon.since) == ("running-out", duty.at("12-06 08:00"))
    (now,) = found(roster, now=duty.at("12-06 08:00"))
    assert (now.kind, now.since) == ("gap", duty.at("12-06 08:00")) and now.key != soon.key
    followed = book(*roster.rotations, turning("c", EIGHT, first="2026-12-06", name="next"))
    assert found(followed) == [], "somebody follows"


def test_a_gap_is_told_on_the_clock_of_the_post() -> None:
    roster = book(turning("a", EIGHT, first="2026-11-01", last="2026-12-02", zone=BERLIN))
    (one,) = watch.findings([watched(roster, zone=BERLIN)], people("a"), NOW)
    assert "12-03 08:00起无人接班" in one.text


def test_people_who_are_gone_are_told_with_their_next_turn_and_those_of_past_entries_are_not() -> None:
    roster = book(
        turning("ab", EIGHT, first="2026-11-01", last="2026-11-30", name="past"),
        turning("cd", EIGHT, first="2026-12-01"),
        entry("s", "e", "11-20 08:00", "11-20 20:00"),
    )
    (gone,) = found(roster, "ac")
    assert (gone.kind, gone.contact, gone.since) == ("contact-gone", "d", duty.at("12-02 08:00"))
    assert "12-02 08:00至12-03 08:00无人值班" in gone.text


def test_stale_numbers_and_contacts_come_last_and_name_nobody() -> None:
    everything = watch.findings([watched(book(), stale=True)], people("a", "b", stale="b"), NOW)
    assert [(one.kind, one.urgent) for one in everything] == [("gap", True), ("post-stale", False), ("contact-stale", False)]
    assert "70天" in everything[1].text and "100天" in everything[2].text and everything[2].contact == "b"


@given(st.lists(st.tuples(st.integers(-40, 20), st.integers(1, 5), st.sampled_from("abx")), max_size=8), st.integers(0, 13))
def test_every_moment_of_the_coming_week_without_anybody_is_found(spans: list[tuple[int, int, str]], halves: int) -> None:
    """Spans are in half days from now; ``x`` is no contact of the unit any more."""
    half = DAY / 2
    shifts = [
        Shift(f"s{place}", who, "override", NOW + since * half, NOW + (since + length) * half, NOW)
        for place, (since, length, who) in enumerate(spans)
    ]
    roster = Roster("gas", (), tuple(shifts))
    told = found(roster, "ab")
    assert len({one.key for one in told}) == len(told)
    moment = NOW + halves * half
    gap = any(
        one.kind == "gap" and one.since is not None and one.since <= moment and (one.until is None or moment < one.until)
        for one in told
    )
    having = rosters.on_duty(roster, moment)
    assert gap is (having is None)
    assert having is None or having.contact != "x" or any((one.kind, one.contact) == ("contact-gone", "x") for one in told)


# --- what people see


@pytest.fixture
def crew(station: Station) -> Crew:
    found_crew = Crew.of(station)
    found_crew.arm(*watch.standing(found_crew.now))
    return found_crew


def told(crew: Crew, unit: str = HOUSING) -> list[Notice]:
    """Notices of duty that are open."""
    return [one for one in crew.rows(Notice, Notice.unit == unit, Notice.done_at.is_(None)) if one.kind in watch.NOTICES]


def ever(crew: Crew) -> int:
    return sum(one.kind in watch.NOTICES for one in crew.rows(Notice))


def test_a_gap_is_told_once_for_as_long_as_it_is_there(crew: Crew) -> None:
    crew.shift("赵一", at("11-25 08:00"), at("12-05 08:00"))
    crew.later(days=0)
    assert told(crew) == []
    for _ in range(5):
        crew.later(days=1)
    (notice,) = told(crew)
    assert (notice.kind, notice.level, notice.role) == ("duty-gap", notices.URGENT, None)
    assert "燃气抢修" in notice.text and "12-05 08:00" in notice.text
    for _ in range(20):
        crew.later(days=1)
    assert ever(crew) == 1, "however often it is looked at"
    assert told(crew, URBAN) == [], "others are not bothered"


def test_a_notice_that_somebody_has_ticked_off_does_not_come_back_while_nothing_has_changed(crew: Crew) -> None:
    crew.shift("赵一", at("11-25 08:00"), at("11-27 08:00"))
    (notice,) = told(crew)
    crew.do(OURS, notices.done, notice.id)
    crew.later(days=1)
    assert ever(crew) == 1 and [one.kind for one in crew.findings()] == ["gap"], "but it still stands in the list"


def test_a_change_that_makes_a_gap_is_told_at_once_and_one_that_closes_it_settles_it(crew: Crew) -> None:
    crew.rotate("赵一", "钱二", first="2026-11-20")
    rotation = crew.book().rotations[0].id
    assert told(crew) == []
    crew.do(OURS, rostering.end_rotation, rotation)
    assert [one.kind for one in told(crew)] == ["duty-running-out"]
    crew.rotate("孙三", first="2026-11-26")
    assert told(crew) == [] and crew.findings() == []
    done = [one for one in crew.rows(Notice) if one.kind == "duty-running-out"]
    assert [one.done_by for one in done] == [OURS.id]
    assert {"id": done[0].id} in crew.told("notice.done")


def test_one_post_put_right_leaves_the_others_notice_as_it_is(crew: Crew) -> None:
    crew.put("gas-2", main="63100009")
    for post in ("gas", "gas-2"):
        crew.shift("赵一", at("11-25 08:00"), at("11-26 08:00"), post)
    assert len(told(crew)) == 2
    crew.shift("钱二", at("11-26 08:00"), at("12-20 08:00"))
    (left,) = told(crew)
    assert "gas-2" in left.text


def test_a_contact_that_is_deleted_is_told_at_the_next_look(crew: Crew) -> None:
    crew.rotate("赵一", "钱二", first="2026-11-20")
    crew.remove("钱二")
    crew.later(days=1)
    (notice,) = told(crew)
    assert notice.kind == "duty-contact-gone" and "钱二" not in notice.text
    assert [(one.kind, one.contact) for one in crew.findings()] == [("contact-gone", crew.people["钱二"])]


def test_numbers_that_nobody_verifies_are_told_and_verifying_settles_it(crew: Crew) -> None:
    for _ in range(70):
        crew.later(days=1)
    assert {one.kind for one in told(crew)} == {"duty-post-stale"}
    assert len(told(crew)) == 2, "the post and its leader's, once each"
    crew.do(OURS, posts.verify, "gas")
    assert len(told(crew)) == 1
    for _ in range(25):
        crew.later(days=1)
    assert sum(one.kind == "duty-contact-stale" for one in told(crew)) == 3
    assert len([one for one in crew.findings(None) if one.kind == "post-stale"]) == 7, "all posts but one, for administrators"


def test_a_post_that_is_retired_is_not_looked_after_any_more(crew: Crew) -> None:
    crew.shift("赵一", at("11-25 08:00"), at("11-26 08:00"))
    assert told(crew)
    crew.do(OURS, posts.retire, "gas")
    assert told(crew) == [] and crew.findings() == []
