"""Mistakes in the YAML files are told by file, line and key, with what to do about them."""

from __future__ import annotations

import re
import shutil
import wave
from pathlib import Path

import pytest

from config import settings
from config.errors import ConfigError, Problem


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example configuration."""
    made = tmp_path / "config"
    made.mkdir()
    for file in settings.DEFAULT_FOLDER.glob("*.yaml"):
        shutil.copy(file, made)
    return made


def edit(folder: Path, name: str, old: str, new: str) -> int:
    """Replace the first ``old`` in a file; return its line (from 1)."""
    file = folder / name
    content = file.read_text()
    assert old in content, f"{name} has no {old!r}"
    file.write_text(content.replace(old, new, 1))
    return content[: content.index(old)].count("\n") + 1


def problems(folder: Path, env: dict[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        settings.load(folder, env or {})
    return caught.value.problems


def test_the_example_configuration_is_right() -> None:
    loaded = settings.load(env={})
    assert {centre.kind for centre in loaded.installation.centres} == {"12345", "110"}
    assert loaded.default_centre("110") is loaded.dialled_centre("110")
    assert {"8001", "9001", "9101", "7001", "8090", "9090"} <= set(loaded.seats)


@pytest.mark.parametrize(
    ("name", "old", "new", "key", "words"),
    [
        # what a model alone can see
        ("limits.yaml", "rooms: 60", "roms: 60", "limits.roms", "did you mean rooms?"),
        ("limits.yaml", "rooms: 60", "rooms: 0", "limits.rooms", "at least 1"),
        ("limits.yaml", "pages: 20", "pages: many", "limits.pages", "valid integer"),
        ("seats.yaml", '"8001"', "8001", "seats[0].id", 'put it in quotes: "8001"'),
        ("seats.yaml", "role: operator", "role: boss", "seats[0].role", "'operator', 'police', 'duty' or 'supervisor'"),
        ("seats.yaml", '{ id: "8002"', '{ idd: "8002"', "seats[1].idd", "did you mean id?"),
        ("trunks.yaml", "port: 5090", "port: 70000", "trunks[0].port", "at most 65535"),
        ("centres.yaml", 'numbers: ["12345"]', "numbers: []", "centres[0].numbers", "at least 1"),
        ("centres.yaml", 'numbers: ["12345"]', 'numbers: ["ab"]', "centres[0].numbers[0]", "form that is not allowed"),
        ("centres.yaml", 'kind: "12345"', 'kind: "12354"', "centres[0].kind", "'12345' or '110'"),
        # what is seen across the files
        ("seats.yaml", 'id: "8002"', 'id: "8001"', "seats[1].id", "taken by seats[0].id already"),
        ("seats.yaml", 'id: "8001"', 'id: "12345"', "seats[0].id", "taken by centres[0].numbers[0]"),
        ("centres.yaml", 'numbers: ["1101"]', 'numbers: ["1102"]', "centres[3].numbers[0]", "the number 1102 is taken"),
        ("centres.yaml", 'numbers: ["1101"]', 'numbers: ["*110"]', "centres[2].numbers[0]", "feature keys"),
        ("centres.yaml", "id: 110-anning", 'id: "119"', "outside[0].id", "the id 119 is taken by centres[2].id"),
        ("centres.yaml", 'divisions: ["530181"]', 'divisions: ["530102"]', "centres[2].divisions[0]", "belongs to centre"),
        ("centres.yaml", "greeting: greeting_12345", "greeting: greting", "centres[0].queue.greeting", "no prompt greting"),
        ("centres.yaml", 'overflow_to: "110"', 'overflow_to: "11"', "centres[2].queue.overflow_to", "no centre 11"),
        ("centres.yaml", "groups: [general]", "groups: [genral]", "centres[0].queue.direct[0].groups[0]", "did you mean"),
        ("seats.yaml", "groups: [general]", "groups: [night]", "seats[0].groups[0]", "rings the group night"),
        ("seats.yaml", 'centre: "12345"', 'centre: "1234"', "seats[0].centre", "there is no centre 1234"),
        ("seats.yaml", "role: duty", "role: police", "seats[22]", "belongs to no centre"),
        ("centres.yaml", "trunk: pstn", "trunk: psnt", "outside[0].trunk", "did you mean pstn?"),
        ("trunks.yaml", "trunk: pstn", "trunk: carrier", "dial_rules[2].trunk", "there is no trunk carrier"),
        ("trunks.yaml", r"'00\d+|\+(?!86)\d+'", r"'00(\d+'", "dial_rules[0].pattern", "no regular expression"),
        ("trunks.yaml", '"127.0.0.0/8"', '"127.0.0.300"', "trunks[0].addresses[0]", "no address or network"),
        ("trunks.yaml", '"127.0.0.0/8"', '"0.0.0.0/0"', "trunks[0].addresses[0]", "everybody"),
        ("limits.yaml", "rooms_for_110: 4", "rooms_for_110: 60", "limits.rooms_for_110", "leave none for 12345"),
        ("limits.yaml", "rooms_spare: 4", "rooms_spare: 61", "limits.rooms_spare", "more than the 60"),
        ("limits.yaml", "room_ports: 64", "room_ports: 63", "limits.room_ports", "is odd"),
        ("limits.yaml", "rooms: 60", "rooms: 900", "limits.rooms", "57600 RTP ports"),
        ("centres.yaml", "  ring: 15", "  ring: 31", "transfers.ring", "attempt of 30 s"),
    ],
)
def test_a_mistake_is_told_by_file_line_and_key(folder: Path, name: str, old: str, new: str, key: str, words: str) -> None:
    line = edit(folder, name, old, new)
    found = problems(folder)
    told = next((problem for problem in found if problem.key == key), None)
    assert told is not None, found
    assert words in str(told)
    assert told.remedy
    assert told.where == str(folder / name)
    if not key.startswith(("outside", "centres[3]")):  # these collide with what was edited, and are told where they are
        assert told.line == line


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    edit(folder, "limits.yaml", "rooms: 60", "rooms: -1")
    edit(folder, "seats.yaml", "role: operator", "role: boss")
    found = problems(folder, {"HOTLINE_SIP_PORT": "sip"})
    assert {problem.key for problem in found} == {"limits.rooms", "seats[0].role", "HOTLINE_SIP_PORT"}


def test_a_missing_key_is_told_where_it_should_stand(folder: Path) -> None:
    edit(folder, "centres.yaml", "    tag: 12345 转接\n", "")
    told = problems(folder)[0]
    assert (told.key, told.what) == ("centres[0].tag", "is missing")
    assert told.line is not None


def test_a_key_in_two_files_is_refused(folder: Path) -> None:
    (folder / "zz.yaml").write_text("# mine\ncity: 北京市\n")
    told = problems(folder)[0]
    assert (told.where, told.line, told.key) == (str(folder / "zz.yaml"), 2, "city")
    assert "site.yaml" in told.what


def test_a_key_twice_in_one_file_is_refused(folder: Path) -> None:
    file = folder / "site.yaml"
    file.write_text(file.read_text() + "city: 北京市\n")
    told = problems(folder)[0]
    assert told.line == file.read_text().count("\n")
    assert "duplicate key" in told.what


@pytest.mark.parametrize("content", ["a: [1\nb: 2\n", "a: *1\n", "\tcity: x\n"])
def test_broken_yaml_is_told_with_its_line(folder: Path, content: str) -> None:
    (folder / "zz.yaml").write_text(content)
    told = problems(folder)[0]
    assert told.where == str(folder / "zz.yaml")
    assert told.line in (1, 2)


def test_a_file_in_another_encoding_is_told(folder: Path) -> None:
    (folder / "zz.yaml").write_bytes("city: 昆明".encode("gb18030"))
    assert "not a text in UTF-8" in problems(folder)[0].what


def test_a_folder_that_is_missing_or_empty_is_told(tmp_path: Path) -> None:
    assert "no such folder" in problems(tmp_path / "nowhere")[0].what
    assert "holds no *.yaml" in problems(tmp_path)[0].what


def test_two_defaults_of_a_kind_are_refused(folder: Path) -> None:
    edit(folder, "centres.yaml", "tag: 安宁110 转接", "tag: 安宁110 转接\n    default: true")
    told = problems(folder)[0]
    assert told.key == "centres[2].default"
    assert "both the default of kind 110" in told.what


def test_a_kind_without_a_default_is_refused(folder: Path) -> None:
    file = folder / "centres.yaml"
    file.write_text(file.read_text().replace("    default: true\n", ""))
    assert {problem.what for problem in problems(folder)} == {
        "no centre of kind 12345 is the default",
        "no centre of kind 110 is the default",
    }


def test_overflow_in_a_circle_is_refused(folder: Path) -> None:
    edit(folder, "centres.yaml", "max_wait: 900", "max_wait: 900\n      overflow_to: 110-anning")
    told = problems(folder)
    assert len(told) == 1
    assert "circle" in told[0].what
    assert "110 → 110-anning → 110" in told[0].what or "110-anning → 110 → 110-anning" in told[0].what


def test_a_duty_post_in_a_group_is_refused(folder: Path) -> None:
    edit(folder, "seats.yaml", 'id: "7001"', 'id: "7001", groups: [general]')
    assert "would be rung for callers" in problems(folder)[0].what


@pytest.mark.parametrize(
    ("clip", "words"),
    [
        ("missing.wav", "there is no file"),
        ("../site.yaml", "lies outside"),
        ("noise.wav", "can't be read as WAV"),
        ("wide.wav", "16000 Hz, 16 bit, 2 channel(s)"),
    ],
)
def test_a_clip_that_cannot_be_played_is_refused(folder: Path, clip: str, words: str) -> None:
    clips = folder / "prompts"
    clips.mkdir()
    (clips / "noise.wav").write_bytes(b"not audio")
    with wave.open(str(clips / "wide.wav"), "wb") as audio:
        audio.setnchannels(2)
        audio.setsampwidth(2)
        audio.setframerate(16000)
        audio.writeframes(bytes(6400))
    file = folder / "prompts.yaml"
    file.write_text(file.read_text() + f"\n  mine: {{ clip: {clip} }}\n")
    told = problems(folder)[0]
    assert words in told.what
    assert (told.where, told.line) == (str(file), file.read_text().count("\n"))


def test_a_good_clip_is_taken(folder: Path) -> None:
    clips = folder / "prompts"
    clips.mkdir()
    with wave.open(str(clips / "good.wav"), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(8000)
        audio.writeframes(bytes(3200))
    file = folder / "prompts.yaml"
    file.write_text(file.read_text() + "\n  mine: { clip: good.wav }\n")
    assert settings.load(folder, {}).installation.prompts["mine"].clip == "good.wav"


def test_a_prompt_is_either_text_or_clip(folder: Path) -> None:
    file = folder / "prompts.yaml"
    file.write_text(file.read_text() + "\n  both: { clip: a.wav, text: 您好 }\n  neither: {}\n  empty: { text: ' ' }\n")
    told = {problem.key: problem.what for problem in problems(folder)}
    assert "either a `text` or a `clip`" in told["prompts.both"]
    assert "either a `text` or a `clip`" in told["prompts.neither"]
    assert "silence" in told["prompts.empty.text"]


def test_dial_rules_of_the_example_allow_and_forbid_what_they_say() -> None:
    rules = settings.load(env={}).installation.dial_rules

    def verdict(number: str) -> str:
        for rule in rules:
            if re.fullmatch(rule.pattern, number):
                return rule.trunk or "forbidden"
        return "unknown"

    assert {verdict(n) for n in ("13800138000", "013800138000", "087163160000", "63160000", "95588")} == {"pstn"}
    assert {verdict(n) for n in ("0085212345678", "+14155550100", "16899123", "087116800000")} == {"forbidden"}
    assert {verdict(n) for n in ("8001", "1", "99999999999999")} == {"unknown"}
