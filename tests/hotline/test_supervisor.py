"""The supervisor with real children: start in order, restart, end in time, nothing left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.hotline.conftest import Command, alive, gone

Start = Callable[..., Command]


def supervise(start: Start, *services: str) -> Command:
    return start("-m", "tests.hotline.children", "supervisor", *services)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_in_good_order(start: Start, number: signal.Signals) -> None:
    command = supervise(start, "one=steady", "two=steady<one")
    pids = [facts["pid"] for facts in command.facts()["services"].values()]
    assert len(pids) == 2
    assert command.end(number) == 0
    gone(*pids)


def test_a_child_that_will_not_end_is_killed_within_ten_seconds(start: Start) -> None:
    command = supervise(start, "base=stubborn", "top=stubborn<base")
    pids = [facts["pid"] for facts in command.facts()["services"].values()]
    began = time.monotonic()
    assert command.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 10
    gone(*pids)


def test_a_second_signal_kills_at_once(start: Start) -> None:
    command = supervise(start, "one=stubborn")
    pid = command.facts()["services"]["one"]["pid"]
    began = time.monotonic()
    command.process.send_signal(signal.SIGTERM)
    command.line(lambda line: line.endswith("ending …"))
    assert command.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 5
    gone(pid)


def test_grandchildren_in_other_sessions_end_too(start: Start) -> None:
    command = supervise(start, "one=parent")
    facts = command.facts()["services"]["one"]
    assert alive(facts["grandchild"])
    assert command.end(signal.SIGTERM) == 0
    gone(facts["pid"], facts["grandchild"])


def test_those_that_others_need_end_last(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "order"
    command = supervise(start, f"base=marks:{file}", f"top=marks:{file}<base")
    command.facts()
    assert command.end(signal.SIGTERM) == 0
    assert file.read_text().split() == ["top", "base"]


def test_a_crashed_child_is_started_again_and_that_is_said(start: Start) -> None:
    command = supervise(start, "one=steady", "two=steady")
    facts = command.facts()["services"]
    os.kill(facts["one"]["pid"], signal.SIGKILL)
    command.line(lambda line: "one was killed by SIGKILL: starting it again in 0.2 s" in line)
    command.line(lambda line: "one is ready again" in line)
    children = {child.pid for child in psutil.Process(command.process.pid).children()}
    assert facts["two"]["pid"] in children
    assert len(children) == 2
    assert command.end(signal.SIGTERM) == 0
    gone(*children)


def test_what_a_crashed_life_left_running_goes_on_until_the_end(start: Start) -> None:
    command = supervise(start, "one=parent")
    facts = command.facts()["services"]["one"]
    os.kill(facts["pid"], signal.SIGKILL)
    command.line(lambda line: "one is ready again" in line)
    assert alive(facts["grandchild"])
    assert command.end(signal.SIGTERM) == 0
    gone(facts["grandchild"])


def test_pauses_grow_while_a_child_keeps_crashing(start: Start) -> None:
    command = supervise(start, "one=steady", "two?=fails")
    for pause in ("0.2", "0.5", "1"):
        command.line(lambda line, pause=pause: f"starting it again in {pause} s" in line)
    assert command.end(signal.SIGTERM) == 0


def test_an_essential_child_that_never_gets_ready_is_given_up(start: Start) -> None:
    command = supervise(start, "one=steady", "two=fails")
    assert command.process.wait(30) == 1
    command.line(lambda line: "two ended with status 1: giving up" in line)


def test_a_refused_configuration_ends_all_at_once_with_status_2(start: Start) -> None:
    command = supervise(start, "one=steady", "two?=refuses")
    assert command.process.wait(30) == 2


def test_killing_the_supervisor_leaves_no_child(start: Start) -> None:
    command = supervise(start, "one=steady", "two=steady")
    pids = [facts["pid"] for facts in command.facts()["services"].values()]
    command.end(signal.SIGKILL)
    gone(*pids)
