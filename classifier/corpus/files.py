"""Reads the corpus's files: a line of labels that begins with ``@``, then one utterance a line. See docs/classifier.md.

# 燃气
@ route=119 also=110 urgent=yes services=119,110,utility item=SX-106 class=1501
家里一股臭鸡蛋味,越来越浓
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from classifier.errors import ClassifierError
from classifier.verdict import ROUTES

HERE = Path(__file__).parent
SERVICES = ("110", "119", "120", "122", "utility")
_KEYS = {"route", "also", "urgent", "services", "item", "class", "tags"}


class CorpusError(ClassifierError):
    """A line of a corpus file that can't be meant so."""

    code = "corpus.line"


@dataclass(frozen=True, slots=True)
class Example:
    """One utterance and its labels; their meaning is that of the labelling guide."""

    text: str
    route: str
    urgent: bool
    also: frozenset[str] = frozenset()
    """Routes that are equally right."""
    services: frozenset[str] = frozenset()
    item: str = ""
    police_class: str = ""
    tags: frozenset[str] = frozenset()
    where: str = ""
    """File and line."""

    @property
    def right(self) -> frozenset[str]:
        """Routes that are right."""
        return self.also | {self.route}


def read(part: str) -> list[Example]:
    """All examples of ``train``, ``dev`` or ``heldout``, in the order of their files' names."""
    return [one for path in sorted((HERE / part).glob("*.txt")) for one in read_file(path)]


def read_file(path: Path) -> Iterator[Example]:
    """Examples of one file. Raises :class:`CorpusError` with file and line."""
    labels: Example | None = None
    try:
        lines = path.read_text("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8", path.name) from None
    for number, line in enumerate(lines, 1):
        where = f"{path.parent.name}/{path.name}:{number}"
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("@"):
            labels = _labels(line[1:], where)
            continue
        if labels is None:
            raise CorpusError(f"{where}: an utterance before the first line of labels (@ route=… urgent=…)", line[:20])
        yield Example(
            line.strip(),
            labels.route,
            labels.urgent,
            labels.also,
            labels.services,
            labels.item,
            labels.police_class,
            labels.tags,
            where,
        )


def _labels(line: str, where: str) -> Example:
    said = dict(part.split("=", 1) for part in line.split() if "=" in part)
    unknown = set(said) - _KEYS | {part for part in line.split() if "=" not in part}
    if unknown:
        raise CorpusError(f"{where}: no such label: {', '.join(sorted(unknown))}; there are {', '.join(sorted(_KEYS))}", line)
    route, urgent = said.get("route", ""), said.get("urgent", "")
    if route not in ROUTES:
        raise CorpusError(f"{where}: route is one of {', '.join(ROUTES)}", route)
    if urgent not in ("yes", "no"):
        raise CorpusError(f"{where}: urgent is yes or no", urgent)
    if urgent == "yes" and route in ("12345", "guide", "unsure"):
        raise CorpusError(f"{where}: urgent words need a line that sets out (labelling guide 8)", route)
    also, services = _set(said.get("also", "")), _set(said.get("services", ""))
    if also - set(ROUTES):
        raise CorpusError(f"{where}: also names routes", ",".join(also))
    if services - set(SERVICES):
        raise CorpusError(f"{where}: services are of {', '.join(SERVICES)}", ",".join(services))
    return Example(
        "", route, urgent == "yes", also, services, said.get("item", ""), said.get("class", ""), _set(said.get("tags", ""))
    )


def _set(value: str) -> frozenset[str]:
    return frozenset(part for part in value.split(",") if part)


def digest(part: str) -> str:
    """SHA-256 over the files of a part, by name."""
    found = hashlib.sha256()
    for path in sorted((HERE / part).glob("*.txt")):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()
