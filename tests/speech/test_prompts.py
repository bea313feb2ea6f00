"""The prompts that are shipped: each can be spoken, and those that the code names are there."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import config
from config.model import Prompt
from telephony.machines import words
from telephony.speech import audio, phrases, pinyin, reading
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
