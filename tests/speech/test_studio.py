"""Speeches are rendered by the real synthesiser, kept, and made once however many ask."""

import os
import shutil
import stat
import threading
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import pytest_twisted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.model import Prompt
from telephony.speech import audio, errors, phrases
from telephony.speech.engine import ESPEAK, Engine
from telephony.speech.pieces import Clip, Number, Text, speech
from telephony.speech.studio import Studio

PROMPTS = {
    "hello": Prompt(text="您好，这里是12345政务服务热线。"),
    "position_prefix": Prompt(text="您目前排在第"),
    "position_suffix": Prompt(text="位，请稍候。"),
    "gong": Prompt(clip="gong.wav"),
    "lost": Prompt(clip="lost.wav"),
    "outside": Prompt(clip="../secret.wav"),
}


@pytest.fixture
def prompts_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "prompts"
    folder.mkdir()
    return folder


@pytest.fixture
def studio(tmp_path: Path, prompts_folder: Path) -> Studio:
    return Studio(PROMPTS, prompts_folder, tmp_path / "cache")


def sox_tone(path: Path, *form: str, seconds: float = 0.5) -> Path:
    """A clip as somebody would deliver it."""
    import subprocess

    subprocess.run(["sox", "-n", *form, str(path), "synth", str(seconds), "sine", "700"], check=True, capture_output=True)
    return path


def counting_engine(tmp_path: Path, before: str = "") -> tuple[Engine, Path]:
    """The real synthesiser behind a program that notes each start."""
    log = tmp_path / "starts"
    program = tmp_path / "speak"
    program.write_text(f'#!/bin/sh\necho start >> "{log}"\n{before}\nexec "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Engine((str(program), *ESPEAK)), log


def starts(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_a_prompt_becomes_an_audible_telephone_wav(studio: Studio) -> None:
    path = studio.render(speech("hello"))
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
    samples = audio.read_clip(path) / 32768
    assert 2.0 < len(samples) / audio.RATE < 8.0
    levels = audio.loudness(samples)
    sounding = levels[levels > 0.01]
    assert 0.05 < np.sqrt((sounding**2).mean()) < 0.2
    assert np.abs(samples).max() < 0.95


def test_a_prompt_is_not_silent_for_long_anywhere(studio: Studio) -> None:
    path = studio.render((Text("您好。请稍候！马上为您接通。请不要挂机？谢谢。"),))
    quiet = audio.loudness(audio.read_clip(path) / 32768) < 0.003
    longest = max(len(run) for run in "".join("q" if silent else "." for silent in quiet).split("."))
    assert longest * 0.01 <= audio.LONGEST_PAUSE + 0.1
    assert not quiet[:15].all() and not quiet[-15:].all()


def test_longer_words_take_longer_and_other_words_sound_different(studio: Studio) -> None:
    short, long = (audio.read_clip(studio.render((Text(text),))) for text in ("请稍候", "请稍候，正在为您接通，请不要挂机"))
    assert len(long) > 2 * len(short)
    one, two = (studio.render((Number(number),)).read_bytes() for number in (1, 2))
    assert one != two


def test_a_number_inside_prompts_is_spoken_in_one_breath(tmp_path: Path, prompts_folder: Path) -> None:
    engine, log = counting_engine(tmp_path)
    studio = Studio(PROMPTS, prompts_folder, tmp_path / "cache", engine)
    studio.render(phrases.position(3))
    assert starts(log) == 1


def test_what_was_rendered_is_ready_without_the_engine(tmp_path: Path, prompts_folder: Path) -> None:
    engine, log = counting_engine(tmp_path)
    studio = Studio(PROMPTS, prompts_folder, tmp_path / "cache", engine)
    said = speech("hello", Number("8001", "digits"))
    assert studio.ready(said) is None
    path = studio.render(said)
    assert studio.render(said) == path
    assert studio.ready(speech("hello", Number(8001, "digits"))) == path
    again = Studio(PROMPTS, prompts_folder, tmp_path / "cache", engine)
    assert again.ready(said) is None
    assert again.render(said) == path
    assert starts(log) == 1


def test_many_who_ask_at_once_get_one_file_made_once(tmp_path: Path, prompts_folder: Path) -> None:
    engine, log = counting_engine(tmp_path)
    studio = Studio(PROMPTS, prompts_folder, tmp_path / "cache", engine)
    together = threading.Barrier(6)

    def ask() -> Path:
        together.wait()
        return studio.render(speech("hello"))

    with ThreadPoolExecutor(6) as pool:
        paths = {future.result() for future in [pool.submit(ask) for _ in range(6)]}
    assert len(paths) == 1
    assert starts(log) == 1


def test_two_processes_that_render_the_same_never_show_half_a_file(tmp_path: Path, prompts_folder: Path) -> None:
    """Two studios stand for two processes: they share nothing but the folder. A reader looks on all the while."""
    studios = [Studio(PROMPTS, prompts_folder, tmp_path / "cache") for _ in range(2)]
    said = (Text("转接正在进行，请稍候。" * 10),)
    expected = Studio(PROMPTS, prompts_folder, tmp_path / "other").render(said)
    place = tmp_path / "cache" / "speech" / expected.name
    over = threading.Event()

    def watch() -> set[bytes]:
        seen = set()
        while True:
            last = over.is_set()
            if place.exists():
                seen.add(place.read_bytes())
            if last:
                return seen
            over.wait(0.002)

    with ThreadPoolExecutor(3) as pool:
        watching = pool.submit(watch)
        paths = [future.result() for future in [pool.submit(one.render, said) for one in studios]]
        over.set()
        seen = watching.result()
    assert paths == [place, place]
    assert seen == {expected.read_bytes()}
    assert [left.name for left in place.parent.iterdir()] == [place.name]


def test_other_readings_or_voices_are_other_files(tmp_path: Path, prompts_folder: Path, studio: Studio) -> None:
    low = Studio(PROMPTS, prompts_folder, tmp_path / "cache", Engine((*ESPEAK[:-3], "-p", "20", *ESPEAK[-3:])))
    local = Studio(PROMPTS, prompts_folder, tmp_path / "cache", Engine(readings={"您好": "nin3 hao4"}))
    paths = {one.render(speech("hello")) for one in (studio, low, local)}
    assert len({path.read_bytes() for path in paths}) == 3


def test_recorded_clips_are_played_as_they_are_and_joined_with_speech(studio: Studio, prompts_folder: Path) -> None:
    gong = sox_tone(prompts_folder / "gong.wav", "-r", "8000", "-b", "16", "-c", "1")
    assert studio.render(speech("gong")) == gong
    assert studio.render(speech(Clip("gong.wav"))) == gong
    both = audio.read_clip(studio.render(speech("gong", Number(5), Clip("gong"))))
    clip = audio.read_clip(gong)
    assert (both[: len(clip)] == clip).all() and (both[-len(clip) :] == clip).all()
    assert len(both) > 2 * len(clip) + 1000


def test_a_changed_clip_makes_another_file(studio: Studio, prompts_folder: Path) -> None:
    sox_tone(prompts_folder / "gong.wav", "-r", "8000", "-b", "16", "-c", "1")
    said = speech("gong", Number(5))
    before = studio.render(said)
    sox_tone(prompts_folder / "gong.wav", "-r", "8000", "-b", "16", "-c", "1", seconds=0.3)
    assert studio.render(said) != before


@pytest.mark.parametrize("form", [("-r", "16000", "-b", "16"), ("-r", "8000", "-b", "8"), ("-r", "8000", "-b", "16", "-c", "2")])
def test_a_clip_in_another_form_is_refused_with_the_remedy(studio: Studio, prompts_folder: Path, form: tuple[str, ...]) -> None:
    sox_tone(prompts_folder / "gong.wav", *form)
    with pytest.raises(errors.UnfitClip, match=r"sox IN\.wav -r 8000"):
        studio.render(speech("gong"))


def test_what_is_no_wav_is_refused(studio: Studio, prompts_folder: Path) -> None:
    (prompts_folder / "gong.wav").write_bytes(b"ID3 not a wav")
    with pytest.raises(errors.UnfitClip):
        studio.render(speech("gong"))


def test_a_missing_clip_and_an_unknown_prompt_are_told_apart(studio: Studio) -> None:
    with pytest.raises(errors.ClipMissing, match=r"lost\.wav is missing"):
        studio.render(speech("lost"))
    with pytest.raises(errors.UnknownClip, match="no prompt 'nothing'"):
        studio.render(speech("nothing"))


@pytest.mark.parametrize("name", ["outside", "../secret.wav", "/etc/secret.wav", "a/../../secret.wav"])
def test_clips_outside_the_prompts_folder_are_never_read(studio: Studio, prompts_folder: Path, name: str) -> None:
    sox_tone(prompts_folder.parent / "secret.wav", "-r", "8000", "-b", "16", "-c", "1")
    with pytest.raises(errors.UnknownClip, match="outside"):
        studio.render(speech(name))


def test_a_missing_engine_is_named_with_the_remedy(tmp_path: Path, prompts_folder: Path) -> None:
    absent = Engine(("no-such-speech-program", "{wav}"))
    studio = Studio(PROMPTS, prompts_folder, tmp_path / "cache", absent)
    with pytest.raises(errors.EngineMissing, match="no-such-speech-program"):
        studio.render(speech("hello"))
    with pytest.raises(errors.EngineMissing):
        studio.prepare([speech("hello"), speech("position_prefix")])


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo the voice is gone >&2; exit 3", "ended with 3: the voice is gone"),
        ("cat > /dev/null", "wrote no file"),
        ('cat > "$1"', "something else than a WAV"),
        ('sox -n -r 22050 -b 16 "$1" trim 0 1', "no sound"),
        ("sleep 30", "more than"),
    ],
)
def test_an_engine_that_fails_is_told_and_leaves_nothing(tmp_path: Path, prompts_folder: Path, script: str, why: str) -> None:
    limit = 0.2 if script.startswith("sleep") else 60
    engine = Engine(("/bin/sh", "-c", f"exec {script}" if limit < 1 else script, "sh", "{wav}"), limit=limit)
    studio = Studio(PROMPTS, prompts_folder, tmp_path / "cache", engine)
    with pytest.raises(errors.EngineFailed, match=why):
        studio.render(speech("hello"))
    assert list((tmp_path / "cache" / "speech").iterdir()) == []
    assert studio.ready(speech("hello")) is None


def test_a_failure_is_not_kept(tmp_path: Path, prompts_folder: Path) -> None:
    engine, log = counting_engine(tmp_path, before=f'[ "$(wc -l < "{tmp_path}/starts")" -gt 1 ] || exit 1')
    studio = Studio(PROMPTS, prompts_folder, tmp_path / "cache", engine)
    with pytest.raises(errors.EngineFailed):
        studio.render(speech("hello"))
    assert studio.render(speech("hello")).exists()
    assert starts(log) == 2


def test_a_cache_that_can_not_be_written_is_told_with_the_remedy(tmp_path: Path, prompts_folder: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(errors.NoSpace, match="free space or make it writable"):
        Studio(PROMPTS, prompts_folder, tmp_path / "cache").render(speech("hello"))


def test_a_full_disk_is_told_and_leaves_no_half_file(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: writing fails in the same place."""
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        with pytest.raises(errors.NoSpace, match="free space"):
            audio.write(tmp_path / "out.wav", np.zeros(8000, dtype=np.int16))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


def test_hostile_text_is_only_spoken(studio: Studio, tmp_path: Path) -> None:
    target = tmp_path / "pwned"
    for text in (f"您好 $(touch {target}) `touch {target}`; touch {target}", f"-w {target} 您好", f"--path={target} 您好"):
        samples = audio.read_clip(studio.render((Text(text),)))
        assert len(samples) > 2000
    assert not target.exists()


def test_too_many_pieces_are_refused(studio: Studio) -> None:
    with pytest.raises(errors.Unspeakable, match="pieces"):
        studio.render(())
    with pytest.raises(errors.Unspeakable, match="pieces"):
        studio.render((Number(1),) * 65)
    with pytest.raises(errors.Unspeakable, match="too long"):
        studio.render((Text("好" * 600),) * 3)


def test_everything_is_prepared_with_progress_and_problems_are_listed(studio: Studio) -> None:
    told: list[tuple[int, int]] = []
    wanted = [speech("hello"), phrases.position(1), phrases.position(2), speech("lost"), speech("hello")]
    problems = studio.prepare(wanted, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [(problem.speech, problem.error.code) for problem in problems] == [(speech("lost"), "speech.clip_missing")]
    assert all(studio.ready(one) is not None for one in wanted if one != speech("lost"))


def test_old_files_are_pruned_and_used_ones_stay(studio: Studio) -> None:
    old, used = studio.render((Text("旧的通知"),)), studio.render((Text("新的通知"),))
    for path in (old, used):
        os.utime(path, (1000, 1000))
    studio.render((Text("新的通知"),))
    assert studio.prune(unused_seconds=3600) == 1
    assert used.exists() and not old.exists()
    assert studio.ready((Text("旧的通知"),)) is None
    assert studio.ready((Text("新的通知"),)) == used


def test_a_file_that_was_deleted_is_made_again(studio: Studio) -> None:
    path = studio.render(speech("hello"))
    path.unlink()
    studio.forget(speech("hello"))
    assert studio.ready(speech("hello")) is None
    assert studio.render(speech("hello")) == path
    assert path.exists()


@pytest_twisted.ensureDeferred
async def test_the_reactor_fetches_what_is_not_ready(studio: Studio) -> None:
    path = await studio.fetch(speech("hello"))
    assert path == studio.ready(speech("hello"))
    assert await studio.fetch(speech("hello")) == path
    with pytest.raises(errors.UnknownClip):
        await studio.fetch(speech("nothing"))


@pytest.mark.parametrize("command", [(), ("espeak-ng",)])
def test_an_engine_without_a_place_for_its_output_is_refused(command: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="wav"):
        Engine(command)


def test_an_odd_reading_is_refused() -> None:
    with pytest.raises(ValueError, match="pan1 yu2"):
        Engine(readings={"番禺": "pan1 [[yu]]"})


def test_an_engine_may_read_chinese_itself(tmp_path: Path, prompts_folder: Path) -> None:
    heard = tmp_path / "heard"
    script = f'tee "{heard}" > /dev/null; sox -n -r 16000 -b 16 "$1" synth 0.5 sine 500'
    studio = Studio(PROMPTS, prompts_folder, tmp_path / "cache", Engine(("/bin/sh", "-c", script, "sh", "{wav}"), reads="text"))
    samples = audio.read_clip(studio.render(speech("hello")))
    assert heard.read_text() == "您好，这里是幺二三四五政务服务热线。\n"
    spectrum = np.abs(np.fft.rfft(samples))
    assert abs(np.fft.rfftfreq(len(samples), 1 / 8000)[spectrum.argmax()] - 500) < 5


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rate=st.sampled_from([8000, 11025, 16000, 22050, 24000, 44100, 48000]), frequency=st.integers(200, 3200))
def test_resampling_keeps_a_tone(rate: int, frequency: int) -> None:
    tone = 0.5 * np.sin(2 * np.pi * frequency * np.arange(rate) / rate)
    out = audio.resample(tone, rate)
    assert abs(len(out) - 8000) <= 160
    middle = out[1000:7000]
    assert abs(np.sqrt((middle**2).mean()) - 0.5 / np.sqrt(2)) < 0.02


def test_resampling_lets_nothing_fold_back() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 6000 * np.arange(22050) / 22050)
    assert np.abs(audio.resample(tone, 22050)[500:-500]).max() < 0.01


def test_the_engine_of_the_default_configuration_is_installed() -> None:
    assert shutil.which(ESPEAK[0])


@pytest.mark.parametrize(
    "form",
    [
        ("-b", "8", "-e", "unsigned-integer"),
        ("-b", "16", "-c", "2"),
        ("-b", "24", "-c", "2"),
        ("-b", "32"),
        ("-b", "32", "-e", "floating-point"),
        ("-b", "64", "-e", "floating-point", "-c", "2"),
    ],
)
def test_synthesisers_may_write_any_usual_wav(tmp_path: Path, form: tuple[str, ...]) -> None:
    rate, samples = audio.read_any(sox_tone(tmp_path / "out.wav", "-r", "16000", *form))
    assert rate == 16000 and len(samples) == 8000
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.fft.rfftfreq(len(samples), 1 / rate)[spectrum.argmax()] == pytest.approx(700, abs=2)
    assert 0.4 < np.abs(samples).max() <= 1.0


@given(st.binary(max_size=80))
def test_bytes_that_are_no_wav_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.wav"
    for content in (data, b"RIFF\0\0\0\0WAVEfmt " + data, b"RIFF\0\0\0\0WAVE" + data):
        path.write_bytes(content)
        try:
            rate, samples = audio.read_any(path)
        except ValueError:
            continue
        assert rate and samples.ndim == 1
