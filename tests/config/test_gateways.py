"""The gateway of text messages: what is wrong with it is told by file, line and key before anything starts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from config import gateways, settings
from config.errors import ConfigError, Problem
from config.model import SmsGateway

LINES = {
    "url": "https://sms.example.cn/v1/send",
    "headers": '{ Authorization: "Bearer {secret}", X-Request: "{id}" }',
    "body": '{ to: ["{number}"], content: "{text}", sign: "{signature}", more: { id: "{id}", n: 3, flag: true, none: null } }',
    "signature": "某市应急联动",
    "success": "{ path: result.code, value: 0, again: [busy, 42] }",
}
PRODUCTION = {"HOTLINE_ENV": "production", "HOTLINE_ADVERTISE": "203.0.113.10"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example configuration, without its linkage.yaml."""
    made = tmp_path / "config"
    made.mkdir()
    for file in settings.DEFAULT_FOLDER.glob("*.yaml"):
        shutil.copy(file, made)
    (made / "linkage.yaml").unlink()
    return made


def write(folder: Path, **changed: str | None) -> dict[str, int]:
    """Write the gateway with changes; return the line of each key. None: the key is left out."""
    given = {key: value for key, value in {**LINES, **changed}.items() if value is not None}
    lines = ["linkage:", "  sms:", *(f"    {key}: {value}" for key, value in given.items())]
    (folder / "linkage.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {key: at for at, key in enumerate(given, 3)}


def problems(folder: Path, env: dict[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        settings.load(folder, PRODUCTION if env is None else env)
    return caught.value.problems


def load(folder: Path, env: dict[str, str] | None = None) -> SmsGateway:
    found = settings.load(folder, PRODUCTION if env is None else env).installation.linkage.sms
    assert found is not None
    return found


def test_without_a_gateway_nothing_is_asked_for(folder: Path) -> None:
    assert settings.load(env={}).installation.linkage.sms is None, "as it is shipped"
    assert settings.load(folder, {}).installation.linkage.sms is None, "a city whose files are older"


def test_a_gateway_is_taken_as_it_is_written(folder: Path) -> None:
    write(folder)
    found = load(folder)
    assert found.body["more"] == {"id": "{id}", "n": 3, "flag": True, "none": None}
    assert (found.success.path, found.success.value, found.success.again) == ("result.code", 0, ["busy", 42])
    assert (found.method, found.characters, found.timeout) == ("POST", 500, 8)


def test_the_example_in_the_shipped_file_works_when_its_comment_is_taken_away(folder: Path) -> None:
    text = (settings.DEFAULT_FOLDER / "linkage.yaml").read_text(encoding="utf-8")
    assert "  sms: null\n" in text
    lines = text.replace("  sms: null\n", "").splitlines()
    at = lines.index("  # sms:")
    (folder / "linkage.yaml").write_text("\n".join([*lines[:at], *(one.replace("  # ", "  ", 1) for one in lines[at:])]))
    assert gateways.needs_secret(load(folder))


def test_the_example_in_the_documents_is_right(folder: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "linkage-gateways.md"
    example = page.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (folder / "linkage.yaml").write_text(example, encoding="utf-8")
    assert load(folder).success.again == ["busy"]


@pytest.mark.parametrize(
    ("key", "value", "where", "words"),
    [
        ("url", "http://sms.example.cn/send", "url", "in clear"),
        ("url", "http://10.0.0.5/send", "url", "in clear"),
        ("url", "ftp://sms.example.cn/", "url", "no address of a web service"),
        ("url", "ftp://me:topsecret@sms.example.cn/", "url", "no address of a web service"),
        ("url", "sms.example.cn/send", "url", "no address of a web service"),
        ("url", "https://:99999/", "url", "no address of a web service"),
        ("url", '"https://sms.example.cn/a b"', "url", "no address of a web service"),
        ("url", "https://me:topsecret@sms.example.cn/", "url", "user name or password"),
        ("url", '"https://sms.example.cn/?to={number}"', "url", "addresses are logged"),
        ("method", "GET", "method", "'POST' or 'PUT'"),
        ("headers", '{ "X App": a }', "headers.X App", "no name of a header"),
        ("headers", "{ Host: sms.example.cn }", "headers.Host", "written by the sender itself"),
        ("headers", '{ X-Key: "a\\nX-Other: b" }', "headers.X-Key", "a header can't hold"),
        ("headers", "{ X-Key: 密钥 }", "headers.X-Key", "a header can't hold"),
        ("headers", '{ X-To: "{number}" }', "headers.X-To", "{number} is no placeholder"),
        ("headers", "{ Authorization: Bearer topsecret }", "headers.Authorization", "write {secret}"),
        ("headers", "{ X-Key: 7 }", "headers.X-Key", 'put it in quotes: "7"'),
        ("body", '{ to: "{number}", content: "{txt}" }', "body.content", "did you mean text?"),
        ("body", '{ to: "{number}", content: "{text}", a: [{ b: "{Id2}" }] }', "body.a[0].b", "{Id2} is no placeholder"),
        ("body", '{ content: "{text}" }', "body", "nowhere where the number goes"),
        ("body", '{ to: "{number}", "{text}": 1 }', "body", "nowhere where the text goes"),
        ("body", '{ to: "{number}", content: "{text}", n: .inf }', "body", "JSON can't say"),
        ("body", '"{number}{text}"', "body", "must hold keys of its own"),
        ("body", None, "body", "is missing"),
        ("success", "{ path: code }", "success", "go together"),
        ("success", "{ value: 0 }", "success", "go together"),
        ("success", "{ again: [1] }", "success.again", "without a `path`"),
        ("success", '{ path: "a..b", value: 1 }', "success.path", "form that is not allowed"),
        ("success", "{ statuses: [404] }", "success.statuses[0]", "at most 299"),
        ("characters", "10", "characters", "at least 60"),
        ("timeout", "30", "timeout", "at most 10"),
        ("timeouts", "3", "timeouts", "did you mean timeout?"),
    ],
)
def test_a_mistake_is_told_by_file_line_and_key(folder: Path, key: str, value: str | None, where: str, words: str) -> None:
    lines = write(folder, **{key: value})
    found = problems(folder)
    told = next((one for one in found if one.key == f"linkage.sms.{where}"), None)
    assert told is not None, found
    assert words in str(told)
    assert "topsecret" not in str(told)
    assert told.remedy
    assert told.where == str(folder / "linkage.yaml")
    assert told.line == lines.get(key, 2)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:9"])
def test_plain_http_is_for_this_machine(folder: Path, host: str) -> None:
    write(folder, url=f'"http://{host}/send"')
    assert load(folder).url == f"http://{host}/send"


def test_plain_http_is_for_development_as_well(folder: Path) -> None:
    write(folder, url="http://sms.test/send")
    assert load(folder, {}).url == "http://sms.test/send"


def test_a_secret_is_needed_only_where_it_is_written(folder: Path) -> None:
    write(folder, headers=None)
    assert not gateways.needs_secret(load(folder))
    write(folder, headers=None, body='{ to: "{number}", content: "{text}", auth: { key: "{secret}" } }')
    assert gateways.needs_secret(load(folder))
