"""baresip and a robot phone understand each other: two SIP implementations that share no code."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from robots import ear
from robots.handset import Phone, answer, reject
from robots.softphone import Softphone
from tests.robots.conftest import MakePhone

ROBOT, BARESIP = 1750, 2450


@pytest.fixture
def baresip() -> Iterator[Softphone]:
    with Softphone("bob", tone=BARESIP) as phone:
        yield phone


def test_baresip_calls_a_robot_and_both_hear(baresip: Softphone, phone: MakePhone) -> None:
    robot = phone("8001", tone=ROBOT, behaviour=answer(0.1))
    baresip.dial(robot.uri)
    assert robot.wait_for("incoming")["caller"] == "bob"
    baresip.wait_for("answered")
    robot.hear(BARESIP, 1.0)
    robot.hang_up()
    baresip.wait_for("ended")
    (tape,) = baresip.tapes()
    assert ear.hears(tape, ROBOT, 0.7) and not ear.hears(tape, BARESIP, 0.1)


def test_robot_calls_baresip_which_answers_and_hangs_up(baresip: Softphone, phone: MakePhone) -> None:
    robot = phone("1", tone=ROBOT)
    robot.dial(baresip.uri, display="张三")
    came = baresip.wait_for("incoming")
    assert (came["caller"], came["display"]) == ("1", "张三")
    baresip.answer()
    robot.wait_for("answered")
    robot.hear(BARESIP)
    baresip.hang_up()
    assert robot.wait_for("ended")["by"] == "them"


def test_baresip_refuses(baresip: Softphone, phone: MakePhone) -> None:
    robot = phone("1")
    robot.dial(baresip.uri)
    baresip.wait_for("incoming")
    baresip.hang_up()
    assert robot.wait_for("ended")["code"] == 486


def connect(baresip: Softphone, robot: Phone) -> None:
    baresip.dial(robot.uri)
    baresip.wait_for("answered")
    robot.wait_for("media", state="active")


def test_keys_pass_between_them(baresip: Softphone, phone: MakePhone) -> None:
    robot = phone("8001", behaviour=answer())
    connect(baresip, robot)
    baresip.keys("*10#")
    assert [robot.wait_for("digit")["digit"] for _ in range(4)] == list("*10#")
    for method in ("rfc4733", "info"):
        robot.keys("3", method=method)
        assert baresip.wait_for("digit")["digit"] == "3"


def test_baresip_holds_and_resumes(baresip: Softphone, phone: MakePhone) -> None:
    robot = phone("8001", tone=ROBOT, behaviour=answer())
    connect(baresip, robot)
    robot.hear(BARESIP, 0.5)
    baresip.hold()
    held = robot.wait_for("media", state="remote_hold")
    robot.tape_reaches(robot.on_tape(held) + 0.8)
    baresip.unhold()
    resumed = robot.wait_for("media", state="active")
    robot.hear(BARESIP, 0.5, since=robot.on_tape(resumed))
    (silence,) = ear.silences(robot.tape(), 0.4)
    assert silence == pytest.approx((robot.on_tape(held), robot.on_tape(resumed)), abs=0.4)


def test_robot_transfers_baresip_to_a_third_phone_and_hears_how_it_goes(baresip: Softphone, phone: MakePhone) -> None:
    asker, third = phone("8001", behaviour=answer()), phone("9001", tone=2950, behaviour=answer(0.2))
    connect(baresip, asker)
    asker.refer(third.uri)
    assert asker.wait_for("reply", method="REFER")["code"] == 202
    assert third.wait_for("incoming")["caller"] == "bob"
    final = asker.wait_for("refer", final=True)
    assert final["code"] == 200
    assert {event["code"] for event in asker.seen("refer")} >= {100, 200}
    third.hear(BARESIP)


def test_robot_hears_that_a_transfer_was_refused(baresip: Softphone, phone: MakePhone) -> None:
    asker, third = phone("8001", behaviour=answer()), phone("9001", behaviour=reject(486))
    connect(baresip, asker)
    asker.refer(third.uri)
    assert asker.wait_for("refer", final=True)["code"] == 486


def test_baresip_asks_for_a_transfer(baresip: Softphone, phone: MakePhone) -> None:
    robot = phone("8001", behaviour=answer(), refer_code=403)
    connect(baresip, robot)
    baresip.refer("sip:110@127.0.0.1:9")
    assert robot.wait_for("refer_asked")["uri"].startswith("sip:110@")
    assert "403" in baresip.wait_for("refer_failed")["reason"]


def test_nothing_is_left_when_it_is_closed(phone: MakePhone) -> None:
    robot = phone("8001", behaviour=answer())
    with Softphone("bob") as baresip:
        connect(baresip, robot)
    assert robot.wait_for("ended")["by"] == "them"
    assert baresip.process.returncode is not None and not baresip.folder.exists()
    assert str(baresip.folder) not in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout
