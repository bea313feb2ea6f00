"""The file of data keys: made once, never by accident, changed in steps that can be copied to other machines."""

from __future__ import annotations

import json
import multiprocessing
import stat
from pathlib import Path

import pytest

from config.errors import ConfigError
from config.keys import DataKeys, KeyFile


def made(folder: Path) -> bytes:
    return KeyFile(folder).make().index


def test_many_that_start_at_once_make_one_file(tmp_path: Path) -> None:
    assert KeyFile(tmp_path).read() is None
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert len(set(pool.map(made, [tmp_path] * 6))) == 1
    file = tmp_path / "secrets" / "data.keys"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_is_added_promoted_and_retired(tmp_path: Path) -> None:
    file = KeyFile(tmp_path)
    first = file.make().keys[0]
    second = file.add()
    assert file.add() == second  # one waits already
    held = _held(file)
    assert (held.keys, held.next, held.opening) == ((first,), second, (first.key, second.key))
    stamp = file.stamp()
    assert file.promote() == second and file.stamp() != stamp
    assert (_held(file).keys, _held(file).next) == ((second, first), None)
    for wrong in (second.id, "nonsense"):
        with pytest.raises(ConfigError):
            file.retire(wrong)
    with pytest.raises(ConfigError, match="keys add"):
        file.promote()
    file.retire(first.id)
    assert _held(file).keys == (second,)
    file.retire(file.add().id)
    assert _held(file).next is None


def _held(file: KeyFile) -> DataKeys:
    held = file.read()
    assert held is not None
    return held


@pytest.mark.parametrize(
    "change",
    [
        lambda said: {},
        lambda said: {**said, "keys": []},
        lambda said: {**said, "keys": ["c2hvcnQ="]},
        lambda said: {**said, "index": "not base64!"},
        lambda said: {**said, "keys": [7]},
        lambda said: [],
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, change: object) -> None:
    file = KeyFile(tmp_path)
    file.make()
    file.file.write_text(json.dumps(change(json.loads(file.file.read_text()))))  # type: ignore[operator]
    before = file.file.read_bytes()
    for attempt in (file.read, file.make, file.add):
        with pytest.raises(ConfigError, match=r"is damaged — restore it from a backup"):
            attempt()
    assert file.file.read_bytes() == before


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = KeyFile(tmp_path)
    file.make()
    file.file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        file.read()


def test_keys_are_not_shown_by_accident(tmp_path: Path) -> None:
    held = KeyFile(tmp_path).make()
    assert held.keys[0].key.decode() not in repr(held) and repr(held.index) not in repr(held)
