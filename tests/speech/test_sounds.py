"""Our own music and tones: nothing clicks, nothing falls silent, tones have the right pitch and rhythm."""

from pathlib import Path

import numpy as np
import pytest

from telephony.speech import audio, errors, library, music


def pitch(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.fft.rfftfreq(len(samples), 1 / audio.RATE)[spectrum.argmax()])


def test_hold_music_never_falls_silent_even_over_the_seam() -> None:
    samples = music.hold() / 32768
    assert 25 < len(samples) / audio.RATE < 35
    looped = np.concatenate([samples, samples[: audio.RATE]])
    window = int(0.3 * audio.RATE)
    levels = [np.sqrt((looped[at : at + window] ** 2).mean()) for at in range(0, len(looped) - window, 400)]
    assert min(levels) > 0.03
    assert max(levels) < 4 * min(levels)


def test_hold_music_loops_without_a_click() -> None:
    samples = music.hold() / 32768
    steps = np.abs(np.diff(samples, n=2, append=samples[:2]))
    seam = steps[-4:].max()
    assert seam <= np.quantile(steps, 0.999)
    assert np.abs(samples).max() < 0.9


def test_hold_music_is_as_loud_as_speech() -> None:
    samples = music.hold() / 32768
    assert np.sqrt((samples**2).mean()) == pytest.approx(audio.LOUDNESS, rel=0.1)


def test_ringback_is_one_second_on_and_four_off() -> None:
    samples = music.ringback() / 32768
    assert len(samples) == 5 * audio.RATE
    assert pitch(samples[: audio.RATE]) == pytest.approx(450, abs=1)
    assert np.abs(samples[audio.RATE :]).max() == 0


def test_busy_tone_is_a_third_of_a_second_on_and_off() -> None:
    samples = music.busy() / 32768
    half = int(0.35 * audio.RATE)
    assert len(samples) == 2 * half
    assert pitch(samples[:half]) == pytest.approx(450, abs=3)
    assert np.abs(samples[half:]).max() == 0


@pytest.mark.parametrize("make", [music.ringback, music.busy, music.beep])
def test_tones_start_and_end_softly(make) -> None:
    samples = make() / 32768
    assert np.abs(np.diff(samples, append=samples[:1])).max() < 0.1
    assert abs(samples[0]) < 0.01 and abs(samples[-1]) < 0.01


def test_the_library_is_made_once_and_mended_when_damaged(tmp_path: Path) -> None:
    sounds = library.ensure(tmp_path)
    made = {path: path.stat().st_mtime_ns for path in (sounds.music, sounds.ringback, sounds.busy, sounds.beep)}
    whole = sounds.busy.read_bytes()
    sounds.busy.write_bytes(b"")
    assert library.ensure(tmp_path) == sounds
    assert sounds.busy.read_bytes() == whole
    assert all(path.stat().st_mtime_ns == at for path, at in made.items() if path != sounds.busy)


def test_a_city_may_bring_its_own_music(tmp_path: Path) -> None:
    own = tmp_path / "own.wav"
    with pytest.raises(errors.ClipMissing):
        library.ensure(tmp_path / "cache", own)
    audio.write(own, music.beep())
    assert library.ensure(tmp_path / "cache", own).music == own
