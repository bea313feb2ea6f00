"""An ear tells tones, prompts and silence apart, after G.711 and in any mix."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robots import ear, wav
from robots.tones import LEVEL, RATE, TONES
from telephony.speech import music

DTMF = (697, 770, 852, 941, 1209, 1336, 1477, 1633)
Floats = np.ndarray


def tone(hz: float, seconds: float, level: float = LEVEL, phase: float = 0.0) -> Floats:
    times = np.arange(round(seconds * RATE)) / RATE
    return level * 32767 * np.sin(2 * np.pi * hz * times + phase)


def a_law(samples: Floats) -> wav.Samples:
    """Through G.711 A-law and back: 13 segments, four bits of mantissa."""
    size = np.abs(np.clip(samples, -32767, 32767)) / 16
    exponent = np.maximum(np.floor(np.log2(np.maximum(size, 1) / 32)) + 1, 0)
    step = np.where(exponent == 0, 2, 2.0**exponent)
    return (np.sign(samples) * (np.floor(size / step) + 0.5) * step * 16).astype(np.int16)


def place(total: float, *pieces: tuple[float, Floats]) -> wav.Samples:
    mixed = np.zeros(round(total * RATE))
    for start, samples in pieces:
        first = round(start * RATE)
        mixed[first : first + len(samples)] += samples
    return a_law(mixed)


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Floats:
    """A real prompt of some seconds, as the synthesiser says it."""
    folder = tmp_path_factory.mktemp("speech")
    said, plain = folder / "said.wav", folder / "plain.wav"
    words = "您好，这里是政务服务便民热线，请稍候，正在为您转接人工座席，本次通话将被录音。"
    subprocess.run(["espeak-ng", "-v", "cmn", "-w", str(said), words], check=True)
    subprocess.run(["sox", "-q", str(said), "-r", "8000", "-c", "1", "-b", "16", str(plain), "norm", "-6"], check=True)
    return wav.load(plain).astype(np.float64)


def near(spans: list[ear.Interval], wanted: list[ear.Interval], within: float = 0.03) -> bool:
    return len(spans) == len(wanted) and all(
        abs(a - b) <= within for got, want in zip(spans, wanted, strict=True) for a, b in zip(got, want, strict=True)
    )


def test_grid_keeps_clear_of_keys_ringback_and_its_own_harmonics() -> None:
    assert len(TONES) >= 16
    for hz in TONES:
        assert hz % 50 == 0 and 300 < hz < 3500
        assert all(abs(hz - key) > 100 for key in DTMF)
        assert all(hz != 450 * times for times in range(1, 8, 2))
    assert all(abs(b - a) >= 100 for a, b in itertools.pairwise(sorted(TONES)))
    assert max(TONES) < 2 * min(TONES)


@given(
    chosen=st.lists(st.sampled_from(TONES), min_size=1, max_size=5, unique=True),
    starts=st.lists(st.floats(0, 1.0), min_size=5, max_size=5),
    lengths=st.lists(st.floats(0.2, 1.0), min_size=5, max_size=5),
    levels=st.lists(st.floats(0.05, 0.19), min_size=5, max_size=5),
    phase=st.floats(0, 6.2),
)
@settings(max_examples=40, deadline=None)
def test_each_tone_of_a_mix_is_heard_when_it_was_spoken_and_no_other(
    chosen: list[int], starts: list[float], lengths: list[float], levels: list[float], phase: float
) -> None:
    said = [(hz, round(s, 2), round(d, 2), level) for hz, s, d, level in zip(chosen, starts, lengths, levels, strict=False)]
    mix = place(2.2, *((start, tone(hz, length, level, phase)) for hz, start, length, level in said))
    for hz, start, length, _ in said:
        assert near(ear.heard(mix, hz), [(start, start + length)]), hz
    for hz in set(TONES) - set(chosen):
        assert ear.heard(mix, hz) == [], hz


@given(hz=st.floats(1000, 3600).filter(lambda hz: all(abs(hz - tone) >= 6 for tone in TONES)), level=st.floats(0.05, 0.5))
@settings(max_examples=50, deadline=None)
def test_a_note_beside_the_grid_is_taken_for_none_of_its_tones(hz: float, level: float) -> None:
    note = place(1.0, (0.0, tone(hz, 1.0, level)))
    assert all(ear.heard(note, one) == [] for one in TONES)
    assert near(ear.speech_like(note), [(0.0, 1.0)], 0.06)


def test_ringback_and_keys_are_no_tones_of_the_grid() -> None:
    ringback = place(1.0, (0.0, tone(450, 1.0, 0.5)))
    keys = place(1.0, *((0.0, tone(hz, 1.0, 0.3)) for hz in (941, 1477)))
    assert all(ear.heard(sound, hz) == [] for sound in (ringback, keys) for hz in TONES)


def test_hold_music_is_no_tone_of_the_grid() -> None:
    played = music.hold()
    assert all(ear.heard(played, hz) == [] for hz in TONES)
    assert not ear.silences(played, 0.5)


def test_speech_holds_no_tone_and_is_told_as_a_prompt(speech: Floats) -> None:
    said = a_law(speech)
    assert all(ear.heard(said, hz) == [] for hz in TONES)
    spans = ear.speech_like(said)
    assert sum(end - start for start, end in spans) > 0.7 * ear.duration(said)
    assert {label for _, _, label in ear.timeline(said, {})} <= {"prompt", "silence"}


@pytest.mark.parametrize("level", [0.05, LEVEL])
def test_tones_are_heard_through_a_prompt_that_is_louder(speech: Floats, level: float) -> None:
    mix = place(len(speech) / RATE + 0.5, (0.0, speech), (0.5, tone(2350, 1.5, level)), (1.0, tone(1750, 0.6, level)))
    assert ear.hears(mix, 2350, 1.35) and ear.hears(mix, 1750, 0.5)
    assert all(not ear.hears(mix, hz, 0.15) for hz in set(TONES) - {2350, 1750})
    assert ear.speech_like(mix)


def test_a_tone_alone_is_no_speech_even_where_it_starts_and_ends() -> None:
    spoken = place(3.0, (0.113, tone(2050, 0.9)), (1.207, tone(2650, 1.1)), (1.5, tone(3450, 0.333)))
    assert ear.speech_like(spoken) == []


@given(
    st.lists(st.tuples(st.floats(0.1, 0.6), st.floats(0.2, 0.6)), min_size=1, max_size=4),
    st.sampled_from(TONES),
)
@settings(max_examples=40, deadline=None)
def test_silences_and_gaps_are_where_nothing_was_said(pieces: list[tuple[float, float]], hz: int) -> None:
    at, spoken, quiet = 0.0, [], []
    for pause, length in pieces:
        pause, length = round(pause, 2), round(length, 2)
        quiet.append((round(at, 2), round(at + pause, 2)))
        spoken.append((at + pause, tone(hz, length)))
        at += pause + length
    mix = place(at, *spoken)
    assert near(ear.silences(mix, 0.05), quiet)
    assert near(ear.gaps(mix, hz), quiet[1:])


def test_a_lost_packet_is_a_gap_but_not_the_end_of_a_tone() -> None:
    spoken = tone(1950, 2.0)
    spoken[8000 : 8000 + 480] = 0
    assert near(ear.gaps(place(2.0, (0.0, spoken))[:], 1950), [(1.0, 1.06)])
    assert near(ear.heard(place(2.0, (0.0, spoken)), 1950), [(0.0, 2.0)])


def test_a_slip_of_a_jitter_buffer_does_not_end_a_tone() -> None:
    spoken = np.concatenate((tone(2750, 1.0), tone(2750, 1.0, phase=2.0)))
    assert near(ear.heard(place(2.0, (0.0, spoken)), 2750), [(0.0, 2.0)])


def test_timeline_names_who_was_heard(speech: Floats) -> None:
    prompt = speech[: 2 * RATE]
    mix = place(6.5, (0.0, prompt), (2.5, tone(1750, 3.5)), (4.0, tone(2350, 2.0)))
    told = ear.timeline(mix, {1750: "operator 8001", 2350: "police 9001"})
    labels = [label for _, _, label in told]
    assert [label for label in labels if label != "silence"] == ["prompt", "operator 8001", "operator 8001 + police 9001"]
    both = next(piece for piece in told if "+" in piece[2])
    assert near([both[:2]], [(4.0, 6.0)])
    assert told[-1][2] == "silence" and told[0][0] == 0.0 and told[-1][1] == pytest.approx(6.5, abs=0.03)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(told))


def test_table_has_a_row_per_frame_and_peak_levels() -> None:
    table = ear.tones(place(1.0, (0.5, tone(2150, 0.5, 0.1))), (2150, 2350))
    assert table.shape == (50, 2)
    assert table[:24, 0].max() == 0 and table[26:48, 0].min() == pytest.approx(0.1, rel=0.05) and table[:, 1].max() == 0


def test_nothing_is_heard_on_an_empty_or_very_short_tape(tmp_path: Path) -> None:
    for length in (0, 100, 400):
        short = np.zeros(length, dtype=np.int16)
        assert ear.heard(short, 1750) == [] and ear.speech_like(short) == []
        wav.save(tmp_path / "short.wav", short)
        assert len(wav.load(tmp_path / "short.wav")) == length
    assert ear.timeline(np.zeros(0, dtype=np.int16), {}) == []


# --- WAV files


@pytest.mark.parametrize("harm", ["all zero", "lengths zero", "data cut short"])
def test_header_of_a_killed_recorder_is_read_and_mended(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "killed.wav"
    samples = place(1.0, (0.2, tone(1850, 0.5)))
    wav.save(path, samples)
    raw = bytearray(path.read_bytes())
    if harm == "all zero":
        raw[:44] = bytes(44)
    elif harm == "lengths zero":
        raw[4:8] = raw[40:44] = bytes(4)
    else:
        raw, samples = raw[: 44 + 8001], samples[:4000]
    path.write_bytes(raw)
    assert np.array_equal(wav.load(path), samples)
    assert wav.repair(path)
    assert not wav.repair(path)
    assert np.array_equal(wav.load(path), samples)


def test_recordings_of_another_kind_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "wide.wav"
    subprocess.run(["sox", "-q", "-n", "-r", "16000", "-b", "16", str(path), "synth", "0.1", "sine", "440"], check=True)
    with pytest.raises(wav.WavError, match=r"wide\.wav.*16000 Hz"):
        wav.load(path)
    path.write_bytes(b"x" * 100)
    with pytest.raises(wav.WavError, match="not a WAV"):
        wav.load(path)
