"""The documents keep up with the code: links lead somewhere, and nothing that users meet is missing."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from pydantic import BaseModel

from config import environment, model
from hotline import cli
from telephony import contract

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HOSTS = rb"pypi[.]org/simple|files[.]pythonhosted[.]org|--(?:extra-)?index[-]url|find[-]links"
MACHINE = re.compile(rb"(?<![\w.])/(?:w[o]rk|r[o]ot)/|" + HOSTS)
"""Folders of one machine, and hosts that packages came from."""


def tracked() -> list[Path]:
    """Files under version control, without what is deleted in the working tree."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def documents() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def read(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    """Anchors of a document's headings, made as code hosts make them."""
    found = set()
    for line in FENCE.sub("", text).splitlines():
        if match := re.match(r"#+ (.*)", line):
            heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match[1])
            found.add(re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-"))
    return found


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        leads = file.is_relative_to(ROOT) and file.exists()
        if not leads or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)
    assert not broken


def test_every_variable_is_explained_to_administrators() -> None:
    text = read("admin.md")
    assert [name for name in environment.known() if f"`{name}`" not in text] == []


def test_no_variable_is_explained_that_does_not_exist() -> None:
    known = set(environment.known())
    named = {name for path in documents() for name in re.findall(r"\bHOTLINE_[A-Z_]+[A-Z]\b", path.read_text(encoding="utf-8"))}
    assert named - known == set()


def models(kind: type[BaseModel], seen: set[type[BaseModel]] | None = None) -> set[type[BaseModel]]:
    """A model and all models in its fields."""
    seen = set() if seen is None else seen
    if kind not in seen:
        seen.add(kind)
        for field in kind.model_fields.values():
            for inner in _inner(field.annotation):
                models(inner, seen)
    return seen


def _inner(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _inner(argument)


def test_every_field_of_the_configuration_is_explained() -> None:
    text = read("admin.md")
    fields = {f"{one.__name__}.{name}" for one in models(model.Installation) for name in one.model_fields}
    assert len(fields) > 60
    assert [field for field in sorted(fields) if f"`{field.partition('.')[2]}`" not in text] == []


def commands(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All commands of the command line, with the words that call them."""
    if not hasattr(command, "list_commands"):
        yield path, command
        return
    context = typer.Context(command, info_name="hotline")
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from commands(inner, f"{path} {name}".strip())


def test_every_command_has_a_heading_and_its_options_are_real() -> None:
    text = read("cli.md")
    headings = set(re.findall(r"^##+ (.*)$", text, re.MULTILINE))
    found = dict(commands(typer.main.get_command(cli.app)))
    assert len(found) > 20
    assert set(found) <= headings
    options = {
        option for one in found.values() for parameter in one.params for option in parameter.opts + parameter.secondary_opts
    }
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--help"}
    assert named <= options


def records(union: Any) -> list[str]:
    return [kind.__name__ for kind in get_args(union)]


def test_every_command_event_and_member_of_the_contract_is_documented() -> None:
    text = read("contract.md")
    kinds = [*get_args(contract.AnyCommand), *get_args(contract.AnyEvent), contract.LiveCall]
    kinds += [contract.CallFacts, contract.PartyFacts, contract.TransferFacts]
    members = {name for kind in kinds for name in kind.__struct_fields__}
    missing = [name for name in records(contract.AnyCommand) + records(contract.AnyEvent) if f"`{name}`" not in text]
    missing += [name for name in sorted(members) if f"`{name}`" not in text]
    assert missing == []


@pytest.mark.parametrize("example", re.findall(r"^```json\n(.*?)^```$", read("contract.md"), re.MULTILINE | re.DOTALL))
def test_examples_of_the_contract_are_valid(example: str) -> None:
    data = example.encode()
    kind = re.search(r'"type": *"(\w+)"', example)
    assert kind is not None
    decode = contract.decode_command if kind[1] in records(contract.AnyCommand) else contract.decode_event
    assert type(decode(data)).__name__ == kind[1]


def test_every_refusal_of_the_call_core_is_documented() -> None:
    text = read("contract.md")
    sources = [path for path in tracked() if path.is_relative_to(ROOT / "telephony") and path.suffix == ".py"]
    told = {
        code
        for path in sources
        for code in re.findall(r'(?:Refused\(|Reply\([\w.]+, False, |refuse\([^")]*)"([a-z]+\.[a-z_]+)"', path.read_text())
    }
    assert len(told) > 20
    assert [code for code in sorted(told) if f"`{code}`" not in text] == []


def test_every_locked_package_has_its_licence_told() -> None:
    text = read("licences.md")
    lock = (ROOT / "requirements.lock").read_text()
    names = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==", lock, re.MULTILINE)
    assert len(names) > 40
    assert [name for name in names if f"| {name} |" not in text] == []


def test_every_decision_is_listed() -> None:
    listed = read("decisions/README.md")
    folder = ROOT / "docs" / "decisions"
    assert [path.name for path in sorted(folder.glob("0*.md")) if f"]({path.name})" not in listed] == []


def test_no_file_names_a_machine_or_a_package_host() -> None:
    found = [str(path.relative_to(ROOT)) for path in tracked() if MACHINE.search(path.read_bytes())]
    assert found == []
