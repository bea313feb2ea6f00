"""Two sides of a call become one recording; nothing that was said is lost to a crash or a full disk."""

import hashlib
import os
import resource
import signal
import stat
import subprocess
import sys
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telephony.switchboard import recordings

STARTED = 1_746_000_000.0


@pytest.fixture
def where(tmp_path: Path) -> recordings.Places:
    return recordings.places(tmp_path, "c-1a2b", 1, STARTED)


def tone(seconds: float, frequency: float = 440.0) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * 8000)) / 8000)).astype("<i2")


def write(path: Path, samples: np.ndarray, channels: int = 1, rate: int = 8000) -> bytes:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path.read_bytes()


def sides(path: Path) -> tuple[np.ndarray, np.ndarray]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        both = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    return both[:, 0], both[:, 1]


def lose_header(path: Path, how: str) -> None:
    """What a killed room leaves."""
    data = bytearray(path.read_bytes())
    if how == "lengths":
        data[4:8] = data[40:44] = bytes(4)
    else:
        data[:44] = bytes(44)
    path.write_bytes(bytes(data))


def test_recordings_lie_by_day_and_are_private(tmp_path: Path, where: recordings.Places) -> None:
    write(where.caller, tone(0.1))
    write(where.staff, tone(0.1))
    path = recordings.join(where).path
    assert path == where.stereo
    day = path.parent.relative_to(tmp_path)
    assert len(day.parts) == 4 and day.parts[0] == "recordings" and day.parts[1] == "2025"
    assert path.name == "c-1a2b-1.wav"
    folder = path.parent
    while folder != tmp_path:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        folder = folder.parent
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_caller_is_left_and_the_staff_right(where: recordings.Places) -> None:
    caller, staff = tone(5.3, 440), tone(5.3, 700)
    write(where.caller, caller)
    write(where.staff, staff)
    found = recordings.join(where)
    left, right = sides(where.stereo)
    assert (left == caller).all() and (right == staff).all()
    assert found.seconds == pytest.approx(5.3)
    assert found.size == where.stereo.stat().st_size
    assert found.sha256 == hashlib.sha256(where.stereo.read_bytes()).hexdigest()
    assert not found.repaired and not found.caller_silent
    assert sorted(where.stereo.parent.iterdir()) == [where.stereo]


def test_a_silent_caller_is_told(where: recordings.Places) -> None:
    noise = np.random.default_rng(1).integers(-40, 40, 16000)
    write(where.caller, noise)
    write(where.staff, tone(2))
    assert recordings.join(where).caller_silent


@pytest.mark.parametrize("how", ["lengths", "all"])
@pytest.mark.parametrize("samples", [0, 1, 4321])
def test_a_lost_header_is_restored_byte_for_byte(where: recordings.Places, how: str, samples: int) -> None:
    whole = write(where.caller, tone(samples / 8000))
    lose_header(where.caller, how)
    assert recordings.repair(where.caller)
    assert where.caller.read_bytes() == whole
    assert not recordings.repair(where.caller)


@pytest.mark.parametrize("left", [0, 7, 43, 44, 45])
def test_a_file_cut_in_its_first_bytes_becomes_an_empty_recording(where: recordings.Places, left: int) -> None:
    where.caller.write_bytes(write(where.caller, tone(1))[:left])
    assert recordings.repair(where.caller)
    assert where.caller.read_bytes() == recordings.header(1, 0)


def test_half_a_sample_at_the_end_is_cut_off(where: recordings.Places) -> None:
    whole = write(where.caller, tone(0.5))
    where.caller.write_bytes(whole[:-1])
    assert recordings.repair(where.caller)
    with wave.open(str(where.caller)) as file:
        assert file.getnframes() == 3999
    assert where.caller.read_bytes()[44:] == whole[44:-2]


def test_a_whole_file_is_not_touched(where: recordings.Places) -> None:
    whole = write(where.caller, tone(1))
    before = where.caller.stat().st_mtime_ns
    assert not recordings.repair(where.caller)
    assert where.caller.read_bytes() == whole
    assert where.caller.stat().st_mtime_ns == before


@pytest.mark.parametrize("form", [{"channels": 2}, {"rate": 16000}])
def test_other_sound_files_are_refused_untouched(where: recordings.Places, form: dict[str, int]) -> None:
    before = write(where.caller, tone(1), **form)
    with pytest.raises(recordings.Unfit, match="not 1, 8000, 16"):
        recordings.repair(where.caller)
    assert where.caller.read_bytes() == before
    where.caller.write_bytes(b"RIFF....AVI LIST" + bytes(range(100)))
    with pytest.raises(recordings.Unfit, match="no plain PCM"):
        recordings.repair(where.caller)


_ROOM = """
import os, signal, sys, pjsua2 as pj
endpoint = pj.Endpoint()
endpoint.libCreate()
config = pj.EpConfig()
config.logConfig.consoleLevel = config.logConfig.level = 0
config.medConfig.clockRate = 8000
endpoint.libInit(config)
endpoint.libStart()
endpoint.audDevManager().setNullDev()
tone = pj.ToneGenerator()
tone.createToneGenerator(8000, 1)
desc = pj.ToneDesc()
desc.freq1, desc.freq2, desc.on_msec, desc.off_msec = 500, 0, 1000, 0
tones = pj.ToneDescVector()
tones.append(desc)
tone.play(tones, True)
tapes = []
for path in sys.argv[1:]:
    tape = pj.AudioMediaRecorder()
    tape.createRecorder(path)
    tone.startTransmit(tape)
    tapes.append(tape)
while min(os.path.getsize(path) for path in sys.argv[1:]) < 12000:
    endpoint.libHandleEvents(10)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_recording_of_a_killed_recorder_is_readable(where: recordings.Places) -> None:
    done = subprocess.run([sys.executable, "-c", _ROOM, str(where.caller), str(where.staff)], capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    found = recordings.join(where)
    assert found.repaired and not found.caller_silent
    left, right = sides(where.stereo)
    assert len(left) >= (12000 - 44) // 2
    for side in (left, right):
        spectrum = np.abs(np.fft.rfft(side.astype(float)))
        assert abs(np.fft.rfftfreq(len(side), 1 / 8000)[spectrum.argmax()] - 500) < 5


def test_the_shorter_side_is_filled_with_silence(where: recordings.Places) -> None:
    write(where.caller, tone(1.0))
    write(where.staff, tone(1.5, 700))
    lose_header(where.caller, "lengths")
    found = recordings.join(where)
    left, right = sides(where.stereo)
    assert (left[:8000] == tone(1.0)).all() and not left[8000:].any()
    assert (right == tone(1.5, 700)).all()
    assert found.repaired and found.seconds == 1.5


def test_one_side_alone_is_kept(where: recordings.Places) -> None:
    write(where.staff, tone(0.5))
    found = recordings.join(where)
    left, right = sides(where.stereo)
    assert not left.any() and (right == tone(0.5)).all()
    assert found.repaired and found.caller_silent


def test_nothing_at_all_is_an_error(where: recordings.Places) -> None:
    with pytest.raises(recordings.NotFound):
        recordings.join(where)


@pytest.mark.parametrize("left_over", [("caller", "staff"), ("caller",), ("staff",), ()])
def test_joining_may_be_repeated_after_a_crash_at_any_point(where: recordings.Places, left_over: tuple[str, ...]) -> None:
    write(where.caller, tone(0.7))
    write(where.staff, tone(0.7, 700))
    kept = {name: getattr(where, name).read_bytes() for name in left_over}
    first = recordings.join(where)
    for name, data in kept.items():
        getattr(where, name).write_bytes(data)
    assert recordings.join(where) == first
    assert sorted(where.stereo.parent.iterdir()) == [where.stereo]


def test_a_full_disk_keeps_both_sides_and_leaves_no_half_file(where: recordings.Places) -> None:
    """A limit on the size of files stands for the full disk: writing fails in the same place."""
    before = (write(where.caller, tone(2)), write(where.staff, tone(2)))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limit[1]))
        with pytest.raises(recordings.NoSpace, match="free space"):
            recordings.join(where)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert (where.caller.read_bytes(), where.staff.read_bytes()) == before
    assert sorted(where.stereo.parent.iterdir()) == [where.caller, where.staff]
    assert recordings.join(where).seconds == 2


def test_a_folder_that_is_in_the_way_is_told(where: recordings.Places) -> None:
    write(where.caller, tone(0.1))
    write(where.staff, tone(0.1))
    (where.stereo / "in the way").mkdir(parents=True)
    with pytest.raises(recordings.StorageFailed, match="check the data folder"):
        recordings.join(where)
    assert where.caller.exists() and where.staff.exists()


def test_a_long_call_needs_little_memory(where: recordings.Places) -> None:
    half_an_hour = np.zeros(8000 * 60 * 30, dtype="<i2")
    write(where.caller, half_an_hour)
    write(where.staff, half_an_hour)
    del half_an_hour
    tracemalloc.start()
    try:
        recordings.join(where)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_orphans_are_found_and_half_written_files_are_swept(tmp_path: Path) -> None:
    first = recordings.places(tmp_path, "a-call", 1, STARTED)
    second = recordings.places(tmp_path, "a-call", 2, STARTED + 86_400)
    done = recordings.places(tmp_path, "b-call", 1, STARTED)
    for where in (first, done):
        write(where.caller, tone(0.1))
        write(where.staff, tone(0.1))
    write(second.staff, tone(0.1))
    recordings.join(done)
    half = first.stereo.with_name(f".joining-1-{first.stereo.name}")
    half.write_bytes(b"RIFF")
    (first.stereo.parent / "note.txt").write_text("not ours")
    found = recordings.orphans(tmp_path)
    assert [(one.call_id, one.number, one.places) for one in found] == [("a-call", 1, first), ("a-call", 2, second)]
    assert not half.exists()
    for one in found:
        recordings.join(one.places)
    assert recordings.orphans(tmp_path) == []


def test_an_installation_without_recordings_has_no_orphans(tmp_path: Path) -> None:
    assert recordings.orphans(tmp_path / "nothing yet") == []


@pytest.mark.parametrize("bad", ["", "../x", "a/b", ".hidden", "a b", "x" * 200, "a\x00b"])
def test_an_id_that_is_no_file_name_is_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(ValueError, match="name a recording"):
        recordings.places(tmp_path, bad, 1, STARTED)
    assert not list(tmp_path.iterdir())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    caller=st.lists(st.integers(-32768, 32767), max_size=300),
    staff=st.lists(st.integers(-32768, 32767), max_size=300),
    broken=st.sampled_from(["none", "lengths", "all"]),
)
def test_every_sample_of_both_sides_survives(tmp_path: Path, caller: list[int], staff: list[int], broken: str) -> None:
    where = recordings.places(tmp_path, "p", os.getpid() % 1000, STARTED)
    write(where.caller, np.array(caller, dtype="<i2"))
    write(where.staff, np.array(staff, dtype="<i2"))
    if broken != "none":
        lose_header(where.caller, broken)
        lose_header(where.staff, broken)
    found = recordings.join(where)
    left, right = sides(where.stereo)
    assert list(left[: len(caller)]) == caller and not left[len(caller) :].any()
    assert list(right[: len(staff)]) == staff and not right[len(staff) :].any()
    again = recordings.describe(where.stereo)
    assert (again.sha256, again.size, again.seconds) == (found.sha256, found.size, found.seconds)
