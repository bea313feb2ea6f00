"""The scene of ``make demo`` in which callers smell gas, an event is proposed and started, and five posts are rung until somebody
has it in hand; then reports, the end, and the after-action report on disk."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from robots.handset import answer, ring
from robots.matter import Desk
from robots.rehearsal import Cast
from robots.town import SECRET

if TYPE_CHECKING:
    from robots.scenes import Play, Scene

CALLERS = (
    ("人民东路这边好大的煤气味,头都晕了", "昆明市盘龙区人民东路88号"),
    ("挖机把天然气管挖破了,一直在响", "昆明市盘龙区人民东路90号"),
    ("楼道里全是臭鸡蛋味,不敢开灯", "昆明市盘龙区人民东路86号"),
)
POSTS: dict[str, dict[str, str | None]] = {
    "police": {"main": "7002"},
    "fire": {"main": "7001"},
    "power": {"main": "7003"},
    "gas": {"main": "7004", "leader": "utility-chief"},
    "ambulance": {"main": "7005", "reserve": "13700137003", "leader": "commander"},
    "utility-chief": {"main": "7006", "reserve": None, "leader": None},
    "commander": {"main": "7006", "reserve": None, "leader": None},
}
"""Where the posts of this scene are rung. 13700137003 is the third citizen's telephone, which nobody takes."""
DOES = {"7001": "accept", "7002": "accept", "7003": "accept", "7004": "refuse", "7005": "ring", "7006": "accept"}
KINDS = ["110", "119", "供电", "燃气", "120"]
WRITTEN = {
    "source": "12345来电三起",
    "extent": "两栋居民楼,约120人疏散",
    "loss": "12人不适送医",
    "trend": "管道已关阀,浓度下降",
    "leaders": "市指挥长到场",
    "measures": "警戒、疏散、关阀、断电",
}


def act(play: Play, scene: Scene) -> None:
    """Three callers smell gas. 12345 and 110 act as one; five posts are rung, one refuses, one never answers."""
    town = play.town
    town.hotline("seed", "--json")
    desks = {name: Desk(town, name) for name in ("operator8001", "police9101", "admin")}
    play.duty.unregister()  # its seat is played by the cast of this scene
    play.reachable.behave(ring())
    try:
        _prepare(desks["admin"])
        with Cast(DOES, SECRET, town.registrar):
            event = _proposed(play, scene, desks["operator8001"])
            event = _started(play, scene, desks, event)
            _taken(play, scene, desks["operator8001"], event)
        _moved(play, scene, desks["operator8001"], event)
        _papers(play, scene, desks["operator8001"], event)
    finally:
        for desk in desks.values():
            desk.close()
        play.reachable.behave(answer(0.5))
        play.reachable.forget()  # the calls that nobody took
        play.duty.register()
        play.free(play.operator)


def _prepare(admin: Desk) -> None:
    """Posts at the robots' telephones, and a plan that has just these."""
    names = ("unit", "name", "kind", "main", "reserve", "sms", "divisions", "leader", "fallback", "zone")
    for post in sorted(POSTS, key=lambda one: one not in ("commander", "utility-chief")):
        there = admin.get(f"/duty/posts/{post}")
        admin.put(f"/duty/posts/{post}", {**{name: there[name] for name in names}, **POSTS[post]}, there)
    plan = next(one for one in admin.get("/plans") if one["plan"] == "gas-leak")
    content = admin.get(f"/plans/{plan['id']}")["content"]
    rule = {"part": "lead", "task": "携带检测仪和警戒器材到场,疏散、关阀、断电", "tries": 1}
    steps = [{"key": f"step-{at}", "name": kind, "posts": [kind], **rule} for at, kind in enumerate(KINDS, 1)]
    admin.post("/plans", {"note": "演示:五个单位", "content": {**content, "steps": steps, "tasks": []}})


def _proposed(play: Play, scene: Scene, operator: Desk) -> dict[str, Any]:
    """Three calls, three matters: the system proposes an event."""
    for phone, (words, place) in zip((play.citizen, play.second, play.citizen), CALLERS, strict=True):
        play.dials(scene, phone, "12345")
        play.rings(scene, play.operator)
        play.answers(scene, play.operator)
        live = play.town.until(lambda: operator.get("/calls/live"), "the call on the operator's screen")[0]
        _draft(play, operator, live["id"])
        said = {"call": live["id"], "channel": "phone", "words": words, "place": place, "hand_over": False}
        if phone is play.citizen and place == CALLERS[2][1]:
            said["caller_number"] = "13800138009"  # a neighbour speaks on the first caller's telephone
        case = operator.post("/cases", said)["case"]
        scene.note(time.monotonic(), f"operator 8001 registers {case['number']}: {words}")
        play.hangs_up(scene, phone)
        play.leaves(scene, play.operator)
        play.free(play.operator)
    found = play.town.until(lambda: operator.get("/emergencies?state=proposed")["items"], "the proposed event")
    event: dict[str, Any] = found[0]
    scene.note(time.monotonic(), f"the system proposes {event['number']}: {event['title']}")
    cases = operator.get(f"/emergencies/{event['id']}")["cases"]
    scene.promise(len(cases) == 3, "three callers of one street make one proposed event with three matters")
    return event


def _draft(play: Play, operator: Desk, call: str) -> None:
    play.town.until(lambda: operator.there(f"/calls/{call}/case"), "the draft of the call")


def _started(play: Play, scene: Scene, desks: dict[str, Desk], event: dict[str, Any]) -> dict[str, Any]:
    """Confirmed, so 110 is told and signs; a level is proposed from facts; the response starts."""
    operator, police = desks["operator8001"], desks["police9101"]
    path = f"/emergencies/{event['id']}"
    event = operator.post(f"{path}/confirm", {"reason": "三起来电同一路段", "approver": "值班主任"}, event)
    notices = operator.get(path)["mutual"]
    seen = police.get("/supervision/notices")
    shown = seen["items"] if isinstance(seen, dict) else seen
    scene.promise(any(event["number"] in one["text"] for one in shown), "110's screen shows the event at once")
    signed = police.post(f"/emergencies/notices/{notices[0]['id']}/sign")
    scene.note(time.monotonic(), f"110 signs the notice ({signed['state_name']})")
    keys = ("kind", "title", "place", "happened_at", "division", "latitude", "longitude", "radius", "answer")
    body = {**{name: event[name] for name in keys}, "situation": "施工挖破中压管。", "facts": {"injured": 12}}
    event = operator.put(path, body, event)
    scene.promise(event["level_proposed"] == 3, "12 injured: level Ⅲ (较大) is proposed by the criteria")
    began = time.monotonic()
    event = operator.post(f"{path}/start", {"reason": "启动燃气泄漏预案", "approver": "市指挥长"}, event)
    scene.note(began, f"the response starts by plan {event['plan_version']}")
    requests = operator.get(path)["requests"]
    scene.promise(len(requests) == 5, f"five posts are asked in the same moment ({time.monotonic() - began:.1f} s)")
    return event


def _taken(play: Play, scene: Scene, operator: Desk, event: dict[str, Any]) -> None:
    """Posts are rung by real calls until each matter is in hand."""
    path = f"/emergencies/{event['id']}"
    seen: dict[str, str] = {}

    def all_taken() -> Any:
        rows = operator.get(path)["requests"]
        for row in rows:
            state = f"{row['state_name']}, rung {row['rung']}"
            if seen.get(row["post_id"]) != state:
                seen[row["post_id"]] = state
                scene.note(time.monotonic(), f"{row['post_name']}: {state}")
        return rows if all(row["state"] == "accepted" for row in rows) else None

    rows = {row["post_id"]: row for row in play.town.until(all_taken, "all five posts", patience=90)}
    quick = [rows[post] for post in ("fire", "police", "power")]
    scene.promise(all(row["rung"] == 0 and row["accepted_via"] == "phone" for row in quick), "three posts take it by pressing 1")
    scene.promise(rows["gas"]["rung"] == 1, "the gas company refuses (2): its leader takes it")
    attempts = operator.get(f"{path}/attempts")
    outcomes = [one["outcome"] for one in attempts if one["request_id"] == rows["ambulance"]["id"] and one["channel"] == "phone"]
    scene.promise(
        outcomes[:2] == ["no_answer", "no_answer"] and rows["ambulance"]["rung"] == 1,
        f"the ambulance post never answers: reserve number, then the leader ({' → '.join(outcomes)})",
    )
    left = [one for one in attempts if one["channel"] == "phone" and one["state"] in ("queued", "sent")]
    scene.promise(not left, "nobody is rung any more")


def _moved(play: Play, scene: Scene, operator: Desk, event: dict[str, Any]) -> None:
    """The fire brigade sets out, arrives, reports back; the first report goes up, by phone and in writing."""
    path = f"/emergencies/{event['id']}"
    fire = next(row for row in operator.get(path)["requests"] if row["post_id"] == "fire")
    for step, text in (("send-out", ""), ("arrive", ""), ("feed-back", "已关阀,浓度恢复正常")):
        fire = operator.post(f"/linkage-requests/{fire['id']}/progress", {"step": step, "text": text}, fire)
    scene.promise(fire["state"] == "fed-back" and not fire["late"], "set out, arrived, reported back, each within its time")
    report = operator.get(path)["reports"][0]
    report = operator.post(f"/situation-reports/{report['id']}/phone", {"to": "省应急办值班室"}, report)
    report = operator.post(f"/situation-reports/{report['id']}/submit", {"fields": {**report["fields"], **WRITTEN}}, report)
    scene.note(time.monotonic(), f"{report['title']} to {'、'.join(report['receivers'])}, 抄报 {'、'.join(report['copies'])}")
    scene.promise(report["state"] == "submitted" and not report["late"], "the first report (初报) leaves in time")


def _papers(play: Play, scene: Scene, operator: Desk, event: dict[str, Any]) -> None:
    """The end, and the after-action report."""
    path = f"/emergencies/{event['id']}"
    event = operator.get(path)["event"]
    event = operator.post(f"{path}/end", {"reason": "险情排除", "approver": "市指挥长"}, event)
    scene.note(time.monotonic(), "the response ends")
    final = [one for one in operator.get(path)["reports"] if one["kind"] == "final"]
    scene.promise(bool(final), "the final report (终报) is due")
    folder = play.town.folder / "reports"
    folder.mkdir(exist_ok=True)
    for form, ending in (("html", "html"), ("docx", "docx")):
        file = folder / f"{event['number']}.{ending}"
        file.write_bytes(operator.fetch(f"{path}/after-action?format={form}"))
        scene.recordings.append(str(file))
    page = (folder / f"{event['number']}.html").read_text("utf-8")
    scene.promise(event["number"] in page and "燃气" in page, f"the after-action report is on disk: {folder}")
    verified = json.loads(play.town.hotline("journal", "verify", "--json"))
    scene.promise(verified["ok"], f"`hotline journal verify` finds {verified['entries']} entries whole")
