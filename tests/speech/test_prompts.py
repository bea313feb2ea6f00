"""The prompts that are shipped: each can be spoken, and those that the code names are there."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

import config
from config import settings
from config.model import Prompt, Voice
from telephony.machines import words
from telephony.speech import audio, phrases, pinyin, reading
from telephony.speech.engine import Engine
from telephony.speech.pieces import Clip
from telephony.speech.studio import Studio

FOLDER = Path(config.__file__).parent
PROMPTS = {name: Prompt(**value) for name, value in YAML(typ="safe").load(FOLDER / "prompts.yaml")["prompts"].items()}


@pytest.mark.parametrize("name", sorted(PROMPTS))
def test_each_prompt_has_a_reading_for_every_character(name: str) -> None:
    text = PROMPTS[name].text
    assert text is not None
    spoken = reading.spoken(text)
    characters = sum(reading.is_word(character) for character in spoken)
    assert sum(character.isdigit() for character in pinyin.pinyin(spoken)) == characters


def test_no_prompt_keeps_a_caller_listening_for_long(tmp_path: Path) -> None:
    studio = Studio(PROMPTS, FOLDER / "prompts", tmp_path)
    assert studio.prepare([phrases.position(1), *((words.clip(name)) for name in PROMPTS)]) == []
    lengths = {name: len(audio.read_clip(studio.render(words.clip(name)))) / audio.RATE for name in PROMPTS}
    assert max(lengths.values()) < 15
    assert lengths["greeting_110"] < 6
    assert all(lengths[name] < 4 for name in PROMPTS if name.startswith("tag_"))


def test_the_prompts_that_calls_use_are_there() -> None:
    """Whatever the code names as a prompt, in a literal, is in the file."""
    named = {clip.name for said in (words.position(1), words.seat_number("8001")) for clip in said if isinstance(clip, Clip)}
    named |= set(words.OUTCOMES.values())
    for folder in ("machines", "switchboard"):
        for source in (FOLDER.parent / "telephony" / folder).rglob("*.py"):
            text = source.read_text()
            named |= set(re.findall(r"\b(?:clip|Clip|_say)\((?:party, )?\"([a-z0-9_]+)\"", text))
            named |= set(re.findall(r"\bRefused\(\"[^\"]*\", f?\"[^\"]*\", \"([a-z0-9_]+)\"", text))
    assert named <= PROMPTS.keys()


def test_calls_ask_for_numbers_as_they_were_prepared() -> None:
    assert words.position(3) == phrases.position(3)
    assert words.seat_number("8001") == phrases.seat("8001")


def test_the_voice_of_the_shipped_configuration_can_speak_all_of_it(tmp_path: Path) -> None:
    installation = settings.load(env={"HOTLINE_DATA_DIR": str(tmp_path)}).installation
    studio = Studio.configured(installation, FOLDER / "prompts", tmp_path / "cache")
    wanted = phrases.everything(installation)
    assert phrases.seat(installation.seats[0].id) in wanted
    assert studio.prepare(wanted) == []
    assert all(studio.ready(said) for said in wanted)


@pytest.mark.parametrize(
    "voice", [{"command": ["speak"]}, {"command": ["{wav}"]}, {"readings": {"番禺": "pān yú"}}, {"reads": "ssml"}, {"limit": 0}]
)
def test_a_voice_that_can_not_work_is_refused_by_the_configuration(voice: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Voice.model_validate(voice)


def test_another_voice_is_a_matter_of_configuration(tmp_path: Path) -> None:
    script = 'cat > "$0"; sox -n -r 44100 -b 24 -c 2 "$1" synth 0.4 sine 600'
    voice = Voice(command=["/bin/sh", "-c", script, str(tmp_path / "heard"), "{wav}"], reads="text")
    path = Studio(PROMPTS, tmp_path, tmp_path / "cache", Engine.configured(voice)).render(words.text("110转接。"))
    assert (tmp_path / "heard").read_text() == "幺幺零转接。\n"
    assert len(audio.read_clip(path)) > 2400
