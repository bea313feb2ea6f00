"""A scene of ``make demo``: a call becomes a matter, goes to 110 by one key, police set out, and the answer comes back."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx

from robots.town import SECRET

if TYPE_CHECKING:
    from robots.scenes import Play, Scene
    from robots.town import Town


class Desk:
    """Somebody at a screen: the HTTP interface, signed in."""

    def __init__(self, town: Town, username: str) -> None:
        self.town = town
        self._client = httpx.Client(base_url=f"{town.summary['services']['api']['url']}/api/v1", timeout=20)
        signed = self._client.post("/auth/sign-in", json={"username": username, "password": SECRET})
        signed.raise_for_status()
        self._client.headers["X-CSRF-Token"] = signed.json()["csrf"]

    def get(self, path: str) -> Any:
        return self._client.get(path).raise_for_status().json()

    def there(self, path: str) -> Any:
        """The answer, or None while there is none."""
        answered = self._client.get(path)
        return answered.json() if answered.status_code == 200 else None

    def post(self, path: str, body: Any = None, row: dict[str, Any] | None = None) -> Any:
        """``row``: what was seen of it, for If-Match."""
        headers = {"If-Match": f'"{row["rev"]}"'} if row else {}
        return self._client.post(path, json=body, headers=headers).raise_for_status().json()

    def put(self, path: str, body: Any, row: dict[str, Any]) -> Any:
        return self._client.put(path, json=body, headers={"If-Match": f'"{row["rev"]}"'}).raise_for_status().json()

    def fetch(self, path: str) -> bytes:
        return self._client.get(path).raise_for_status().content

    def close(self) -> None:
        self._client.close()


def act(play: Play, scene: Scene) -> None:
    """A citizen tells 12345 of a gambling den: registered, handed to 110 by one key, dispatched, fed back, rung back, closed."""
    town = play.town
    people = json.loads(town.hotline("seed", "--json"))["people"]
    operator, police = Desk(town, "operator8001"), Desk(town, "police9101")
    desks = [operator, police]
    try:
        call, case = _registered(play, scene, operator)
        handed = _handed_over(play, scene, operator, police, call, case)
        station = next(one for one in people if one["role"] == "police" and "拓东派出所" in one["unit_name"])
        desks.append(Desk(town, station["username"]))
        _settled(scene, police, desks[-1], station["unit"], handed)
        _closed(scene, operator, case)
        _proved(play, scene, operator, case)
    finally:
        for desk in desks:
            desk.close()


def _registered(play: Play, scene: Scene, operator: Desk) -> tuple[str, str]:
    play.dials(scene, play.citizen, "12345")
    play.rings(scene, play.operator)
    play.answers(scene, play.operator)
    live = play.town.until(lambda: operator.get("/calls/live"), "the call on the operator's screen")[0]
    draft = play.town.until(lambda: operator.there(f"/calls/{live['id']}/case"), "the draft of the call")
    scene.note(time.monotonic(), f"the screen shows the draft {draft['number']} with the caller's number")
    scene.promise(
        draft["caller_number"] == play.citizen.user, "the draft is there with the caller's number before a word is typed"
    )
    said = {
        "call": live["id"],
        "channel": "phone",
        "words": "我家楼下的棋牌室里有人聚众赌博,天天到半夜",
        "place": "昆明市盘龙区拓东路6号",
        "hand_over": False,
    }
    matter = operator.post("/cases", said)
    scene.note(time.monotonic(), f"operator 8001 registers {matter['case']['number']}; the system says whose it is:")
    for reason in matter["allocation"]["reasons"]:
        scene.note(time.monotonic(), f"  {reason['text']} ({reason['basis']})")
    scene.promise(matter["allocation"]["where"] == "other-side", "gambling is said to be 110's, with rule, clause and evidence")
    return live["id"], matter["case"]["id"]


def _handed_over(play: Play, scene: Scene, operator: Desk, police: Desk, call: str, case: str) -> dict[str, Any]:
    operator.post(f"/calls/{call}/transfers", {"kind": "one-key", "case": case, "reason": "聚众赌博,属110受理"})
    scene.note(time.monotonic(), "operator 8001 hands over with one key on the screen")
    play.rings(scene, play.linkage)
    play.answers(scene, play.linkage)
    play.hears(play.citizen, play.linkage)

    def answered() -> Any:
        found = police.there(f"/cases/{case}")
        return found if found and found["handoffs"] and found["handoffs"][0]["answered_at"] else None

    matter = play.town.until(answered, "the handoff with the transfer's times")
    (handoff,) = matter["handoffs"]
    scene.promise(
        handoff["offered_at"] <= handoff["rung_at"] <= handoff["answered_at"],
        "the handoff knows when 110 was asked, rung, answered",
    )
    handoff = police.post(f"/handoffs/{handoff['id']}/accept", None, police.get(f"/handoffs/{handoff['id']}"))
    scene.note(time.monotonic(), f"110 signs {handoff['number']}: from now on it supervises its face")
    play.hangs_up(scene, play.citizen)
    play.tape(scene, play.citizen)
    return police.get(f"/cases/{case}")["order"]  # type: ignore[no-any-return]


def _settled(scene: Scene, police: Desk, station: Desk, unit: str, order: dict[str, Any]) -> None:
    order = police.post(f"/orders/{order['id']}/dispatch", {"unit": unit}, order)
    scene.note(time.monotonic(), f"110 sends 拓东派出所 with {order['number']}")
    for step in ("sign", "arrive"):
        order = station.post(f"/orders/{order['id']}/{step}", None, order)
    told = {"result": "查获四人,移交治安", "public": "民警已到场,依法处置"}
    station.post(f"/orders/{order['id']}/feedback", told, order)
    scene.note(time.monotonic(), "the station signs, arrives, and feeds back")


def _closed(scene: Scene, operator: Desk, case: str) -> None:
    ticket = operator.get(f"/cases/{case}")["ticket"]
    scene.promise(ticket["result"] == "民警已到场,依法处置", "12345 gets what it may tell the caller, and nothing else")
    ticket = operator.post(f"/tickets/{ticket['id']}/call-back", {"reached": True, "resolved": True, "satisfaction": 5}, ticket)
    ticket = operator.post(f"/tickets/{ticket['id']}/close", {}, ticket)
    scene.note(time.monotonic(), f"operator 8001 rings back and closes {ticket['number']}")


def _proved(play: Play, scene: Scene, operator: Desk, case: str) -> None:
    timeline = operator.get(f"/cases/{case}/timeline")["items"]
    scene.promise(len(timeline) > 15, f"the timeline tells all of it: {len(timeline)} entries, each bound to the one before")
    verified = json.loads(play.town.hotline("journal", "verify", "--json"))
    scene.promise(verified["ok"], f"`hotline journal verify` finds {verified['entries']} entries whole")
    play.free(play.operator, play.linkage)
