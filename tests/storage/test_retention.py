"""What is over is erased and journalled, what is held or still wanted stays, and no file is lost that somebody shares."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from config.model import CentreRetention, Retention
from router.casework import attachments, cases, handoffs, orders
from router.casework.work import Work
from router.journal import checkpoint
from router.journal.verify import verify
from router.storage import retention
from router.storage.base import table_of
from router.storage.calls import Call, Party, Recording
from router.storage.casework import Attachment, Case, CaseCall, Handoff
from router.storage.journal import JournalEntry, Timer
from router.storage.retention import Over, Rules, Times
from tests.casework.conftest import desk, furnished_postgresql, furnished_sqlite, town_url
from tests.casework.parts import Desk, operator, police
from tests.storage.parts import run

__all__ = ["desk", "furnished_postgresql", "furnished_sqlite", "town_url"]

NUMBER, NAME, PLACE, WORDS = "13800001234", "赵一一", "盘龙区北京路999号", "楼下有人聚众赌博,请查处"
RULES = Rules(Times(100), Times(50))


def closed(desk: Desk, **more: Any) -> str:
    """A matter of both sides, closed now; its words, place and number are known."""
    given = {"channel": "web", "origin": "网站", "origin_id": more.pop("origin_id", "1"), "place": PLACE}
    found = desk.register(operator(), WORDS, caller_number=NUMBER, caller_name=NAME, hand_over=False, **given, **more)
    case = found.case.id
    if not desk.rows(Handoff, Handoff.case_id == case):
        desk.do(operator(), offer, case)
    desk.do(police(), handoffs.accept, desk.handoff(case).id)
    desk.do(police(), orders.answer, desk.order(case).id, "已劝离,当事人赵一一")
    execute(desk, "UPDATE case_file SET state = 'closed', closed_at = updated_at WHERE id = :id", id=case)
    return case


async def offer(work: Work, case: str) -> Handoff:
    return await handoffs.offer(work, await work.hold(case), to="110", mode="online", reason="赵一一反映涉赌")


def execute(desk: Desk, statement: str, **values: Any) -> None:
    async def step() -> None:
        async with desk.database.write() as session:
            await session.execute(text(statement), values)

    run(step())


def put_call(desk: Desk, call: str, *, case: str | None = None, centre: str = "12345") -> Path:
    """A call with its recording, linked to a case."""
    path = f"recordings/2026/11/25/{call}-1.wav"
    file = desk.town.attachments.folder.parent / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(call.encode())
    facts = {"kind": "inbound", "called": "12345", "origin": "trunk", "answered_by": "", "end_cause": "", "overflowed_to": ""}
    facts |= {"after": "", "case_id": "", "sip_call_id": "", "rev": 1}
    party = {"call_id": call, "rev": 1, "role": "caller", "seat": "", "centre": "", "invited_at": desk.now, "held_seconds": 0}
    party |= {"end_cause": "", "sip_code": 0, "via_transfer": "", "mode": ""}
    recording = {
        "call_id": call,
        "at": desk.now,
        "seconds": 1,
        "sha256": "",
        "size": 1,
        "repaired": False,
        "caller_silent": False,
    }

    async def step() -> None:
        async with desk.database.write() as session:
            row = {**facts, "id": call, "centre": centre, "caller": NUMBER, "started_at": desk.now, "ended_at": desk.now}
            await session.execute(insert(table_of(Call)), [row])
            await session.execute(insert(table_of(Party)), [{**party, "id": f"p-{call}", "number": NUMBER}])
            row = {**recording, "id": f"r-{call}", "path": path, "started_at": desk.now}
            await session.execute(insert(table_of(Recording)), [row])
            if case:
                await session.execute(insert(table_of(CaseCall)), [{"case_id": case, "call_id": call, "at": desk.now}])

    run(step())
    return file


def sweep(desk: Desk, rules: Rules = RULES) -> Over:
    async def step() -> Over:
        async with desk.database.write() as session:
            return await retention.sweep(session, rules, desk.now)

    return run(step())


def files(desk: Desk, kind: str) -> int:
    """Run the steps that delete files, as the worker would; return how many files were touched."""
    folder = desk.town.attachments.folder.parent

    async def step() -> int:
        done = 0
        async with desk.database.write() as session:
            query = select(Timer).where(Timer.kind == kind, Timer.state == "pending", Timer.due_at <= desk.now)
            for timer in (await session.scalars(query)).all():
                names = timer.payload["files"]
                if kind == retention.UNLINK:
                    done += await retention.put_aside(session, folder, names, desk.now)
                else:
                    done += await retention.forget(session, folder, names)
                timer.state = "done"
        return done

    return run(step())


def everything(desk: Desk) -> str:
    """All texts of the database, decrypted by nobody, and all files' contents."""

    async def step() -> str:
        found = []
        async with desk.database.read() as session:
            for table in Case.metadata.sorted_tables:
                if table.name in ("catalog_version", "agency", "exchange_message", "key_check"):
                    continue
                for row in (await session.execute(select(table))).mappings():
                    found.append(json.dumps(dict(row), default=str, ensure_ascii=False))
        return "\n".join(found)

    return run(step())


def test_nothing_of_the_person_is_left_and_the_facts_stay(desk: Desk) -> None:
    case = closed(desk)
    path = put_call(desk, "c1", case=case)
    before = desk.case(case)
    attached = desk.do(operator(), attachments.add, case, "说明.txt", "赵一一的说明".encode())
    execute(desk, "UPDATE case_file SET state = 'closed' WHERE id = :id", id=case)
    execute(desk, "DELETE FROM outbox")
    desk.wait(days=101)
    assert sweep(desk).cases == [case]
    after = desk.case(case)
    kept = ("number", "city", "channel", "division", "item", "kind", "urgency", "created_at", "first_centre", "closed_at")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert after.erased_at == desk.now and desk.order(case).number and desk.ticket(case).platform == "12345"
    left = everything(desk)
    for said in (NUMBER, NAME, PLACE, "赌博", "劝离", "说明"):
        assert said not in left
    assert desk.rows(Attachment) == [] and desk.rows(Recording) == [] and desk.rows(Party)[0].number is None

    store = desk.town.attachments.path(attached.sha256)
    assert path.exists() and store.exists(), "files wait for the transaction to be committed"
    assert files(desk, retention.UNLINK) == 2 and not path.exists() and not store.exists()
    desk.wait(minutes=16)
    assert files(desk, retention.FORGET) == 2
    assert [one for one in path.parent.parent.rglob("*") if one.is_file()] == []
    assert [one for one in store.parent.rglob("*") if one.is_file()] == []
    assert sweep(desk).cases == [], "once is enough"


def test_the_journal_says_what_was_erased_and_still_verifies(desk: Desk, tmp_path: Path) -> None:
    case, other = closed(desk), closed(desk, origin_id="2")
    execute(desk, "UPDATE case_file SET legal_hold = :on WHERE id = :id", id=other, on=True)
    put_call(desk, "c1", case=case)
    book = checkpoint.book_of(tmp_path / "book")

    async def seal() -> None:
        await checkpoint.seal(desk.database, book, desk.now)

    async def findings() -> Any:
        return await verify(desk.database, [checkpoint.folder_of(tmp_path / "book")])

    run(seal())
    last = desk.journal(case)[-1]
    desk.wait(days=101)
    sweep(desk)
    assert desk.journal(case) == [] and desk.journal(other)
    system = desk.rows(JournalEntry, JournalEntry.chain == "system")
    told = {one.action: one for one in system}
    assert told["case.erased"].detail == {"chain": f"case:{case}", "seq": last.seq, "hash": last.hash}
    assert told["case.erased"].actor == "system:retention" and told["recording.erased"].subject == "r-c1"
    run(seal())
    assert run(findings()).ok
    execute(desk, "DELETE FROM journal_entry WHERE chain = :chain", chain=f"case:{other}")
    assert not run(findings()).ok, "what the job did not note is missed"


def test_a_legal_hold_goes_before_every_limit(desk: Desk) -> None:
    case = closed(desk)
    path = put_call(desk, "c1", case=case)
    desk.do(operator(), cases.hold, case, True, "诉讼保全")
    execute(desk, "UPDATE case_file SET state = 'closed' WHERE id = :id", id=case)
    desk.wait(days=5000)
    done = sweep(desk)
    assert (done.cases, done.recordings) == ([], []) and path.exists()
    desk.do(operator(), cases.hold, case, False, "诉讼终结")
    assert sweep(desk).cases == [case]


def test_open_matters_are_never_erased(desk: Desk) -> None:
    found = desk.register(operator(), WORDS, channel="web", origin="网站", origin_id="9", place=PLACE)
    put_call(desk, "c1", case=found.case.id)
    desk.wait(days=5000)
    done = sweep(desk)
    assert done.cases == [] and done.recordings == []


def test_a_hold_that_comes_during_the_sweep_counts(desk: Desk) -> None:
    case = closed(desk)
    desk.wait(days=101)

    async def step() -> Any:
        async with desk.database.write() as session:
            await session.execute(text("UPDATE case_file SET legal_hold = :on"), {"on": True})
            return await retention._erase_case(session, case, RULES, desk.now, operator())

    assert run(step()) is None and desk.case(case).caller_number is not None


LONGEST: list[tuple[Times, set[str]]] = [
    (Times(None), set()),
    (Times(100), {"both", "12345"}),
    (Times(100, {"110": 200}), {"12345"}),
    (Times(100, {"110": None}), {"12345"}),
    (Times(200, {"12345": 100}), {"12345"}),
    (Times(None, {"12345": 100}), {"12345"}),
    (Times(None, {"12345": 100, "110": 120}), {"both", "12345"}),
    (Times(150), set()),
]


def test_the_longest_time_of_the_centres_concerned_counts(desk: Desk) -> None:
    both = closed(desk)
    alone = desk.register(operator(), "请问社保怎么交", channel="web", origin="网站", origin_id="5").case.id
    execute(desk, "UPDATE case_file SET state = 'closed', closed_at = updated_at WHERE id = :id", id=alone)
    assert not desk.rows(Case, Case.id == alone)[0].erased_at
    names = {both: "both", alone: "12345"}
    desk.wait(days=121)

    async def step(rules: Times) -> Over:
        async with desk.database.read() as session:
            return await retention.over(session, Rules(rules, Times(None)), desk.now)

    for rules, gone in LONGEST:
        assert {names[case] for case in run(step(rules)).cases} == gone, rules


def test_recordings_have_their_own_time_by_centre(desk: Desk) -> None:
    case = closed(desk)
    put_call(desk, "old-12345", case=case)
    put_call(desk, "old-110", centre="110")
    desk.wait(days=40)
    put_call(desk, "new-12345")
    desk.wait(days=20)
    done = sweep(desk, Rules(Times(None), Times(50, {"110": 90})))
    assert done.recordings == ["r-old-12345"] and done.cases == []
    assert {one.id for one in desk.rows(Recording)} == {"r-old-110", "r-new-12345"}
    desk.wait(days=40)
    assert sorted(sweep(desk, Rules(Times(None), Times(50, {"110": 90}))).recordings) == ["r-new-12345", "r-old-110"]


def test_numbers_of_calls_without_a_case_go_as_well(desk: Desk) -> None:
    put_call(desk, "c1")
    assert sweep(desk).calls == []
    desk.wait(days=101)
    assert sweep(desk).calls == ["c1"]
    assert desk.rows(Call)[0].caller is None and desk.rows(Party)[0].number is None
    assert sweep(desk).calls == []


def test_a_call_of_two_cases_is_kept_for_the_one_that_is_left(desk: Desk) -> None:
    case = closed(desk)
    put_call(desk, "c1", case=case)
    other = desk.register(operator(), WORDS, channel="web", origin="网站", origin_id="7", place=PLACE).case.id
    desk.do(operator(), cases.add_call, other, "c1")
    desk.wait(days=101)
    assert sweep(desk).cases == [case]
    assert [one.id for one in desk.rows(Recording)] == ["r-c1"] and desk.rows(Call)[0].caller == NUMBER


def test_a_file_that_another_case_shares_is_kept(desk: Desk) -> None:
    content = "同一份附件".encode()
    case, other = closed(desk), closed(desk, origin_id="2")
    made = desk.do(operator(), attachments.add, case, "a.txt", content)
    execute(desk, "UPDATE case_file SET legal_hold = :on WHERE id = :id", id=other, on=True)
    path = desk.town.attachments.path(made.sha256)
    desk.wait(days=101)
    assert sweep(desk).cases == [case]
    assert files(desk, retention.UNLINK) == 1 and not path.exists()
    desk.do(operator(), attachments.add, other, "b.txt", content)
    assert path.exists(), "a new copy is written while the old one lies aside"
    path.unlink()  # as if its writer had still seen the old one
    desk.wait(minutes=16)
    assert files(desk, retention.FORGET) == 0 and path.read_bytes() == content


def test_names_that_lead_elsewhere_delete_nothing(desk: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "secrets" / "data.keys"
    outside.parent.mkdir()
    outside.write_text("keys")

    async def step() -> int:
        async with desk.database.write() as session:
            names = ["recordings/../secrets/data.keys", "secrets/data.keys", "/etc/passwd", "data.keys"]
            return await retention.put_aside(session, tmp_path, names, desk.now)

    assert run(step()) == 0 and outside.read_text() == "keys"


def test_much_that_is_over_goes_in_several_sweeps(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        closed(desk, origin_id=str(number))
    desk.wait(days=101)

    async def some() -> Over:
        async with desk.database.read() as session:
            return await retention.over(session, RULES, desk.now, limit=2)

    assert run(some()).more and len(run(some()).cases) == 2
    assert len(sweep(desk).cases) == 3 and not run(some()).more


def test_the_daily_look_is_at_night_in_china() -> None:
    for hour in (0, 12, 19, 20):
        now = dt.datetime(2026, 11, 25, hour, 0, tzinfo=dt.UTC)
        (plan,) = retention.standing(now)
        assert now < plan.due_at <= now + dt.timedelta(days=1) and plan.due_at.astimezone(dt.UTC).strftime("%H:%M") == "19:30"
        assert plan.every == 86400


def test_rules_come_from_the_configuration() -> None:
    configured = Retention(cases=3650, centres={"110": CentreRetention(cases=7300), "x": CentreRetention(recordings=30)})
    assert retention.rules_of(configured) == Rules(Times(3650, {"110": 7300}), Times(None, {"x": 30}))
    assert retention.rules_of(Retention()) == Rules(Times(None), Times(None))
