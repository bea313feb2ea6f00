"""What the documents say of casework and its interface is what the code does: life cycles, codes, topics, features, examples."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import typer.main

import api
import router
from api.features import FEATURES
from api.kit import messages
from hotline import cli
from router.access import roles
from router.access.actor import ROLES
from router.casework.machines import MACHINES, Machine
from router.errors import CaseworkError
from router.journal import signing
from router.supervision import deadlines, lists
from tests import servers
from tests.api.parts import migrated_sqlite, migrated_sqlite_url, redis_now, shared_valkey
from tests.docs.test_docs import commands, documents, read
from tests.hotline.conftest import Command, run, start

__all__ = ["migrated_sqlite", "migrated_sqlite_url", "redis_now", "shared_valkey", "start"]
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
SOURCES = [path for package in ("api", "router") for path in sorted((ROOT / package).rglob("*.py"))]


def rows(machine: Machine) -> list[str]:
    """A life cycle as the lines of its table in the documents; ``**`` marks final states."""
    made = []
    for state, name in machine.names.items():
        steps = [f"`{step}` → {after}" for (at, step), after in machine.steps.items() if at == state]
        shown = f"**`{state}`**" if state in machine.final else f"`{state}`"
        made.append(f"| {shown} | {name} | {', '.join(steps)} |")
    return made


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_life_cycles_stand_in_the_documents_as_they_are(name: str) -> None:
    text = read("architecture.md")
    match = re.search(rf"^#### {name}$.*?^\|---\|---\|---\|\n((?:^\|[^\n]*\n)+)", text, re.MULTILINE | re.DOTALL)
    assert match is not None, f"no table of {name}"
    assert match[1].splitlines() == rows(MACHINES[name])


def codes() -> set[str]:
    """Every stable code that the interface answers with: those of error classes, and those that name a text."""
    for package in (api, router):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations.env" not in found.name and not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    classes = {kind.code for kind in _kinds(CaseworkError)}
    remedied = {key.removesuffix(".remedy") for key in messages.ZH if key.endswith(".remedy")}
    told = {key for key in messages.ZH if key.startswith(("auth.", "etag.", "idempotency.", "request.", "json."))}
    fields = (ROOT / "api" / "kit" / "fields.py").read_text(encoding="utf-8")
    ours = {f"field.{kind}" for kind in re.findall(r'(?:fault|_check|_form)\("(\w+)"', fields)}
    return {code for code in classes | remedied | told | ours if not code.endswith(".remedy")}


def _kinds(kind: type[Any]) -> Iterator[type[Any]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)


def test_every_code_of_the_interface_is_documented_and_no_other() -> None:
    text = read("api.md")
    chapter = text[text.index("\n## Codes of errors") :]
    named = set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)+|casework|conflict|forbidden|invalid|not_found|stale|too_large)`", chapter))
    found = codes()
    assert len(found) > 100
    assert sorted(found - named) == []
    assert sorted(named - found - {"facts.allowed", "facts.problems"}) == []


def topics() -> set[str]:
    """Topics of events, as the code tells them."""
    told = set()
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        told |= set(re.findall(r'(?:\btell|\bNews)\(\s*"([a-z-]+\.[a-z-]+)"', text))
        told |= {f"ticket.{step}" for step in re.findall(r'_both\(work, ticket, row, "([a-z-]+)"', text)}
        told |= set(re.findall(r'topic, body = "([a-z]+\.[a-z]+)"', text))
        if path.name == "consultations.py" and "casework" in path.parts:
            told |= {f"consultation.{action}" for action in re.findall(r'_note\(work, row, "([a-z]+)"', text)}
    return told


def test_every_topic_is_documented_and_no_other() -> None:
    text = read("api.md")
    chapter = text[text.index("\n## Topics") : text.index("\n## Other systems")]
    named = set(re.findall(r"`([a-z]+\.[a-z-]+)`", chapter))
    assert len(named) > 50
    assert sorted(named ^ topics()) == []


def test_every_feature_of_the_interface_is_listed() -> None:
    text = read("api.md")
    assert [one.tag for one in FEATURES if f"| `{one.tag}` |" not in text] == []


def test_every_role_duty_and_list_is_explained() -> None:
    admin, operator = read("admin.md"), read("operator.md")
    assert [role for role in ROLES if f"| `{role}`" not in admin] == []
    agency = read("agency.md")
    assert [duty for duty, name in deadlines.DUTIES.items() if f"| `{duty}` | {name} |" not in agency] == []
    assert [kind for kind, name in lists.KINDS.items() if name not in operator] == []


def permissions() -> list[str]:
    """What each role may do, as the lines of the table in the documents."""
    subjects: dict[str, dict[str, list[str]]] = {}
    for action, allowed in roles.ACTIONS.items():
        subject, _, verb = action.partition(".")
        for role in allowed:
            subjects.setdefault(subject, {}).setdefault(role, []).append(verb)
    return [
        f"| `{subject}` | {' | '.join(' '.join(may.get(role, ())) or '–' for role in ROLES)} |"
        for subject, may in subjects.items()
    ]


def test_the_table_of_permissions_is_that_of_the_code() -> None:
    text = read("api.md")
    chapter = text[text.index("\n## Who may do what") : text.index("\n## Live events")]
    assert [line for line in chapter.splitlines() if line.startswith("| `")] == permissions()


def test_every_option_stands_under_its_command_or_its_group() -> None:
    pieces = re.split(r"^(?=##+ )", read("cli.md"), flags=re.MULTILINE)
    chapters = {match[1]: piece for piece in pieces if (match := re.match(r"##+ ([^\n]*)\n", piece))}
    missing = []
    for name, command in commands(typer.main.get_command(cli.app)):
        text = chapters[name] + chapters.get(name.split()[0], "")
        names = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        shared = {"--json", "--help", "--install-completion", "--show-completion"}
        missing += [
            f"{name} {option}" for option in sorted(names - shared) if f"`{option}" not in text and f" {option}" not in text
        ]
    assert missing == []


def test_tests_that_are_named_exist() -> None:
    known = {name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())}
    named = {name for path in documents() for name in re.findall(r"`(test_\w+)`", path.read_text(encoding="utf-8"))}
    assert len(named) > 10
    assert sorted(named - known) == []


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_of_a_receiver_knows_our_signature_and_no_other() -> None:
    fits = load("webhook").fits
    secret, body = signing.fresh_secret(), b'{"type":"ticket.dispatched"}'
    sent = signing.headers(secret, "event-1", 1_795_645_873, body)
    assert fits(secret, sent, body, 1_795_645_873.9)
    assert not fits(signing.fresh_secret(), sent, body, 1_795_645_873)
    assert not fits(secret, sent, body + b" ", 1_795_645_873)
    assert not fits(secret, sent | {"webhook-id": "event-2"}, body, 1_795_645_873)
    assert not fits(secret, sent, body, 1_795_645_873 + 301)
    code = (EXAMPLES / "webhook.py").read_text(encoding="utf-8")
    shown = re.search(r"^```python\n(.*?)^```$", read("api.md"), re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert shown[1] in code


def test_the_example_of_a_matter_runs(
    start: Callable[..., Command], migrated_sqlite_url: str, redis_now: str, tmp_path: Path
) -> None:
    """From the seeded city to the closed ticket, with curl."""
    password = "correct horse battery"
    env = {
        "HOTLINE_DATA_DIR": str(tmp_path / "data"),
        "HOTLINE_DATABASE_URL": migrated_sqlite_url,
        "HOTLINE_REDIS_URL": redis_now,
        "HOTLINE_HTTP_PORT": "0",
        "HOTLINE_DEMO_PASSWORD": password,
    }
    seeded = run("seed", env=env)
    assert seeded.returncode == 0, seeded.stderr
    url = start("-m", "hotline", "api", env=env).facts()["url"]
    servers.wait_until(lambda: httpx.get(f"{url}/readyz").status_code == 200, "the interface can serve", 20)
    told = {"URL": url, "PASSWORD": password, "PATH": "/usr/local/bin:/usr/bin:/bin", "NO_PROXY": "*"}
    done = subprocess.run(["bash", str(EXAMPLES / "matter.sh")], env=told, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "call back: 已回访" in done.stdout
    assert "close:     已办结" in done.stdout
    assert done.stdout.count(" case.registered") == 1
    assert " case.closed" in done.stdout
