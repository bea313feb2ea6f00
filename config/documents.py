"""Reads the YAML files of a folder into one tree and remembers where each key stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

from config.errors import Problem

KeyPath = tuple[str | int, ...]
DEEPEST = 20
"""Levels of a document that came from outside."""


def dotted(path: KeyPath) -> str:
    """``('centres', 0, 'queue')`` is written ``centres[0].queue``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


@dataclass(slots=True)
class Documents:
    """All files of a folder as one tree."""

    folder: Path
    tree: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, tuple[str, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: KeyPath) -> tuple[str, int | None]:
        """File and line of a key, or of the nearest thing around it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return str(self.folder), None

    def problem(self, path: KeyPath, what: str, remedy: str) -> Problem:
        where, line = self.place(path)
        return Problem(where, line, dotted(path), what, remedy)


def read(folder: Path) -> Documents:
    """Read ``*.yaml`` of ``folder`` (not of folders below it), merged by top-level key. What can't be read is told in
    ``problems``; a key belongs to one file only."""
    documents = Documents(folder)
    if not folder.is_dir():
        documents.problems.append(
            Problem(str(folder), None, "", "there is no such folder", "let HOTLINE_CONFIG_DIR name the folder of *.yaml")
        )
        return documents
    files = sorted(folder.glob("*.yaml"))
    if not files:
        documents.problems.append(
            Problem(str(folder), None, "", "holds no *.yaml", "copy the example files of the project's config/ there")
        )
    for file in files:
        _read_file(documents, file)
    return documents


def read_file(file: Path) -> Documents:
    """Read one file alone, as a tree of its own."""
    documents = Documents(file.parent)
    _read_file(documents, file)
    return documents


def read_strange(data: bytes, name: str) -> Documents:
    """The same of what somebody sent, which is looked through first: no aliases, which a few lines can make boundless, and
    no deeper than :data:`DEEPEST`."""
    documents = Documents(Path())
    fault = _strange(data)
    if fault is not None:
        documents.problems.append(Problem(name, *fault))
        return documents
    _read(documents, data, name)
    return documents


def _strange(data: bytes) -> tuple[int | None, str, str, str] | None:
    depth = 0
    try:
        for event in YAML(typ="safe", pure=True).parse(data):
            line = event.start_mark.line + 1
            if isinstance(event, AliasEvent):
                return line, "", "has an alias (*)", "write the value out"
            if isinstance(event, CollectionStartEvent):
                depth += 1
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            if depth > DEEPEST:
                return line, "", f"is nested deeper than {DEEPEST}", "write it flatter"
    except YAMLError as error:
        return _line(error), "", f"is not valid YAML: {_first_line(error)}", "check indentation and colons"
    except (UnicodeDecodeError, RecursionError):
        return None, "", "is not a text in UTF-8", "save the file in UTF-8"
    return None


def _read_file(documents: Documents, file: Path) -> None:
    name = str(file)
    try:
        data = file.read_bytes()
    except OSError as error:
        documents.problems.append(Problem(name, None, "", f"can't be read ({error.strerror})", "check its permissions"))
        return
    _read(documents, data, name)


def _read(documents: Documents, data: bytes, name: str) -> None:
    yaml = YAML(typ="rt", pure=True)
    try:
        content = yaml.load(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        documents.problems.append(Problem(name, None, "", f"is not UTF-8 (byte {error.start})", "save the file in UTF-8"))
        return
    except DuplicateKeyError as error:
        documents.problems.append(
            Problem(name, _line(error), "", _first_line(error), "a key stands once: remove or rename one of the two")
        )
        return
    except YAMLError as error:
        documents.problems.append(
            Problem(
                name,
                _line(error),
                "",
                f"is not valid YAML: {_first_line(error)}",
                'check indentation and colons, and put values such as "*1" in quotes',
            )
        )
        return
    if content is None:
        return
    if not isinstance(content, CommentedMap):
        documents.problems.append(Problem(name, 1, "", "is not a list of keys", "write `key: value` at the top level"))
        return
    for key in content:
        if key in documents.tree:
            other, line = documents.places[(key,)]
            documents.problems.append(
                Problem(
                    name,
                    content.lc.key(key)[0] + 1,
                    str(key),
                    f"stands in {other}:{line} already",
                    "keep a key in one file",
                )
            )
            continue
        documents.places[(key,)] = (name, content.lc.key(key)[0] + 1)
        documents.tree[key] = _plain(documents, name, (key,), content[key])


def _plain(documents: Documents, file: str, path: KeyPath, value: Any) -> Any:
    if isinstance(value, CommentedMap):
        result = {}
        for key in value:
            if key in value.lc.data:
                documents.places[(*path, key)] = (file, value.lc.key(key)[0] + 1)
            result[key] = _plain(documents, file, (*path, key), value[key])
        return result
    if isinstance(value, CommentedSeq):
        for index in range(len(value)):
            documents.places[(*path, index)] = (file, value.lc.item(index)[0] + 1)
        return [_plain(documents, file, (*path, index), item) for index, item in enumerate(value)]
    if isinstance(value, bool):
        return bool(value)
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _line(error: YAMLError) -> int | None:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return None if mark is None else mark.line + 1


def _first_line(error: YAMLError) -> str:
    text = error.problem if isinstance(error, MarkedYAMLError) and error.problem else str(error)
    return " ".join(str(text).split("\n")[0].split())
