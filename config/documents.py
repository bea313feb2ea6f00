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
from config.sentences import ENGLISH, Words, told

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
    words: Words = field(default_factory=lambda: ENGLISH)
    """In which it is told what can't be read."""

    def place(self, path: KeyPath) -> tuple[str, int | None]:
        """File and line of a key, or of the nearest thing around it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return str(self.folder), None

    def problem(self, path: KeyPath, what: str, remedy: str) -> Problem:
        where, line = self.place(path)
        return Problem(where, line, dotted(path), what, remedy)

    def unread(self, name: str, line: int | None, key: str, fault: str, **values: object) -> None:
        """Tell why a file can't be read."""
        self.problems.append(Problem(name, line, key, *told(self.words, fault, **values)))


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


def read_file(file: Path, words: Words = ENGLISH) -> Documents:
    """Read one file alone, as a tree of its own."""
    documents = Documents(file.parent, words=words)
    _read_file(documents, file)
    return documents


def read_strange(data: bytes, name: str, words: Words = ENGLISH) -> Documents:
    """The same of what somebody sent, which is looked through first: no aliases, which a few lines can make boundless, and
    no deeper than :data:`DEEPEST`."""
    documents = Documents(Path(), words=words)
    _look_through(documents, data, name)
    if not documents.problems:
        _read(documents, data, name)
    return documents


def _look_through(documents: Documents, data: bytes, name: str) -> None:
    depth = 0
    try:
        for event in YAML(typ="safe", pure=True).parse(data):
            line = event.start_mark.line + 1
            if isinstance(event, AliasEvent):
                return documents.unread(name, line, "", "alias")
            if isinstance(event, CollectionStartEvent):
                depth += 1
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            if depth > DEEPEST:
                return documents.unread(name, line, "", "deep", deepest=DEEPEST)
    except YAMLError as error:
        documents.unread(name, _line(error), "", "yaml", message=_first_line(error))
    except (UnicodeDecodeError, RecursionError):
        documents.unread(name, None, "", "utf-8")
    return None


def _read_file(documents: Documents, file: Path) -> None:
    name = str(file)
    try:
        data = file.read_bytes()
    except OSError as error:
        return documents.unread(name, None, "", "unreadable", message=error.strerror)
    return _read(documents, data, name)


def _read(documents: Documents, data: bytes, name: str) -> None:
    yaml = YAML(typ="rt", pure=True)
    try:
        content = yaml.load(data.decode("utf-8"))
    except UnicodeDecodeError:
        return documents.unread(name, None, "", "utf-8")
    except DuplicateKeyError as error:
        return documents.unread(name, _line(error), "", "twice", message=_first_line(error))
    except YAMLError as error:
        return documents.unread(name, _line(error), "", "yaml", message=_first_line(error))
    if content is None:
        return None
    if not isinstance(content, CommentedMap):
        return documents.unread(name, 1, "", "no-mapping")
    for key in content:
        if key in documents.tree:
            other, line = documents.places[(key,)]
            line_here = content.lc.key(key)[0] + 1
            documents.unread(name, line_here, str(key), "two-files", place=f"{other}:{line}")
            continue
        documents.places[(key,)] = (name, content.lc.key(key)[0] + 1)
        documents.tree[key] = _plain(documents, name, (key,), content[key])
    return None


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
