"""Events on disk."""

from __future__ import annotations

from pathlib import Path

from telephony.ipc import framing, messages, spool


def event(seq: int) -> messages.Digit:
    return messages.Digit(leg="a", digit="1", seq=seq)


def test_what_is_not_acknowledged_can_be_read_back_after_a_torn_write(tmp_path: Path) -> None:
    kept = spool.Spool(tmp_path, "r1")
    for seq in range(1, 4):
        kept.append(framing.pack(event(seq)))
    kept.append(framing.pack(event(4))[:-3])
    assert [one.seq for one in spool.read(kept.path)] == [1, 2, 3]
    kept.clear()
    assert spool.read(kept.path) == []
    kept.append(framing.pack(event(5)))
    assert [one.seq for one in spool.read(kept.path)] == [5]


def test_a_namesake_never_overwrites_what_a_dead_room_left(tmp_path: Path) -> None:
    spool.Spool(tmp_path, "r1").append(framing.pack(event(7)))
    fresh = spool.Spool(tmp_path, "r1")
    fresh.append(framing.pack(event(1)))
    found = spool.files(tmp_path, "r1")
    assert [[one.seq for one in spool.read(path)] for path in found] == [[7], [1]]
    assert spool.files(tmp_path) == found


def test_an_empty_spool_leaves_no_file(tmp_path: Path) -> None:
    kept = spool.Spool(tmp_path, "r1")
    kept.append(framing.pack(event(1)))
    kept.clear()
    kept.close()
    assert list(tmp_path.iterdir()) == []


def test_garbage_ends_reading_quietly(tmp_path: Path) -> None:
    path = tmp_path / "r1.events"
    path.write_bytes(framing.pack(event(1)) + b"\xff" * 2_000_000)
    assert [one.seq for one in spool.read(path)] == [1]
