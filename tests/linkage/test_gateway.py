"""The gateway that is spoken to by HTTP: what is sent, what its answers mean, and its secret; with a real server."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import settings as configuration
from config.errors import ConfigError
from config.model import SmsGateway, SmsSuccess
from config.settings import Settings
from router.journal.sending import Outcome
from router.linkage.notifying import gateway, texting
from router.linkage.notifying.texting import Message
from tests.linkage import smsgate
from tests.linkage.smsgate import BODY, Gate, rules
from tests.storage.parts import run

MOBILE = "13900000001"


@pytest.fixture
def gate() -> Iterator[Gate]:
    with smsgate.gateway() as one:
        yield one


def answered(gate: Gate, given: SmsGateway, secret: str = "") -> Outcome:
    """What comes of one message."""

    async def once() -> Outcome:
        provider = gateway.HttpGateway(given, lambda: secret)
        try:
            return await provider.send(Message("a1", MOBILE, "到场关阀"))
        finally:
            await provider.close()

    return run(once())


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, "taken") for status in (200, 201, 202, 204)),
        *((status, "later") for status in (408, 425, 500)),
        *((status, "away") for status in (429, 502, 503, 504)),
        *((status, "refused") for status in (301, 307, 400, 401, 403, 404, 409, 422)),
    ],
)
def test_what_a_status_means(gate: Gate, status: int, verdict: str) -> None:
    gate.says(status, b"" if status == 204 else b"{}")
    assert answered(gate, rules(gate)).verdict == verdict
    assert len(gate.got) == 1, "redirects are not followed"


def test_a_gateway_that_is_not_there_is_away(gate: Gate) -> None:
    assert answered(gate, rules(gate, url="http://127.0.0.1:1/send")) == Outcome("away", error="ConnectError")


CODE = SmsSuccess(path="result.0.code", value=0, again=["busy", 42])


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ({"result": [{"code": 0}]}, "taken"),
        ({"result": [{"code": "0"}]}, "taken"),
        ({"result": [{"code": 7}]}, "refused"),
        ({"result": [{"code": False}]}, "refused"),
        ({"result": [{"code": None}]}, "refused"),
        ({"result": []}, "refused"),
        ({"result": {"code": 0}}, "refused"),
        ([], "refused"),
        (b"<html>OK</html>", "refused"),
        (b"", "refused"),
        (b"[" * 50_000, "refused"),
        (b" " * 100_000 + b'{"result": [{"code": 0}]}', "refused"),
        ({"result": [{"code": "busy"}]}, "later"),
        ({"result": [{"code": "42"}]}, "later"),
    ],
)
def test_success_is_what_the_answer_says_where_that_is_configured(gate: Gate, answer: Any, verdict: str) -> None:
    gate.says(200, answer)
    assert answered(gate, rules(gate, success=CODE)).verdict == verdict


@pytest.mark.parametrize("value", [True, "true"])
def test_yes_may_be_the_value_of_success(gate: Gate, value: bool | str) -> None:
    gate.says(200, {"ok": True})
    assert answered(gate, rules(gate, success=SmsSuccess(path="ok", value=value))).verdict == "taken"
    gate.says(200, {"ok": False})
    assert answered(gate, rules(gate, success=SmsSuccess(path="ok", value=value))).verdict == "refused"


def test_a_status_that_is_no_success_is_none_whatever_the_answer_says(gate: Gate) -> None:
    gate.says(500, {"result": [{"code": 0}]})
    assert answered(gate, rules(gate, success=CODE)).verdict == "later"
    gate.says(200)
    assert answered(gate, rules(gate, success=SmsSuccess(statuses=[202]))) == Outcome("refused", 200)


def test_an_answer_leaves_neither_number_nor_secret_behind(gate: Gate) -> None:
    gate.says(400, f"no: +86{MOBILE} with s3cret-token\n\x00".encode())
    found = answered(gate, rules(gate, headers={"Authorization": "Bearer {secret}"}), "s3cret-token")
    assert gate.got[0].headers["authorization"] == "Bearer s3cret-token"
    assert found.error == "no: +… with …"


# --- what is sent


def test_headers_of_the_gateway_go_before_our_own(gate: Gate) -> None:
    answered(gate, rules(gate, method="PUT", headers={"content-type": "application/json", "X-Id": "{id}"}))
    (got,) = gate.got
    assert (got.method, got.headers["content-type"], got.headers["x-id"]) == ("PUT", "application/json", "a1")


VALUES = st.fixed_dictionaries({name: st.text(st.characters(codec="utf-8")) | st.sampled_from(
    ['"}', "{secret}", "{number}{text}", "{0.__class__}", "%s", "\\", "\r\nX-Evil: 1"]
) for name in ("number", "text", "id", "signature", "secret")})  # fmt: skip


@given(VALUES)
def test_whatever_a_message_says_stays_in_its_place(values: dict[str, str]) -> None:
    made = json.loads(json.dumps(gateway.filled(BODY, values), ensure_ascii=False))
    assert made == {
        "to": [values["number"]],
        "content": values["text"],
        "sign": values["signature"],
        "more": {"id": values["id"], "flash": False, "n": 3},
    }


def test_placeholders_are_filled_within_a_text_and_other_braces_are_left() -> None:
    values = {"number": MOBILE, "text": "{number}"}
    assert gateway.filled("+86{number}: {text} {} {1} {{x}}", values) == "+8613900000001: {number} {} {1} {{x}}"


# --- the secret


def installed(folder: Path, env: dict[str, str], **sms: Any) -> Settings:
    base = configuration.load(env={"HOTLINE_DATA_DIR": str(folder), **env})
    given = SmsGateway(url="https://sms.example.cn/", **{"body": {**BODY, "key": "{secret}"}, **sms})
    linkage = base.installation.linkage.model_copy(update={"sms": given})
    return dataclasses.replace(base, installation=base.installation.model_copy(update={"linkage": linkage}))


def put(folder: Path, text: str, mode: int = 0o600) -> None:
    (folder / "secrets").mkdir(mode=0o700, exist_ok=True)
    fresh = folder / "secrets" / "fresh"
    fresh.write_text(text)
    fresh.chmod(mode)
    fresh.replace(folder / "secrets" / gateway.NAME)


def test_the_secret_is_read_from_its_file_and_may_be_changed_while_it_runs(tmp_path: Path) -> None:
    put(tmp_path, "first\n")
    secret = gateway.secret_of(installed(tmp_path, {}))
    assert secret() == "first"
    put(tmp_path, "second\n")
    assert secret() == "second"
    put(tmp_path, "others may read it", 0o644)
    assert secret() == "second"
    (tmp_path / "secrets" / gateway.NAME).unlink()
    assert secret() == "second"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    put(tmp_path, "of the file")
    assert gateway.secret_of(installed(tmp_path, {"HOTLINE_SMS_SECRET": "of the environment"}))() == "of the environment"


def told(settings: Settings) -> str:
    with pytest.raises(ConfigError) as error:
        texting.senders(settings)
    assert all(one.remedy for one in error.value.problems)
    return str(error.value)


def test_a_worker_does_not_start_without_the_secret_that_is_asked_for(tmp_path: Path) -> None:
    assert "HOTLINE_SMS_SECRET" in told(installed(tmp_path, {}))
    put(tmp_path, "s3cret", 0o640)
    assert "can be read by other users" in told(installed(tmp_path, {}))
    for bad in ("", " \n", "two\nlines", "密钥"):
        put(tmp_path, bad)
        assert "no secret that a header can hold" in told(installed(tmp_path, {}))
    assert "HOTLINE_SMS_SECRET" in told(installed(tmp_path, {"HOTLINE_SMS_SECRET": "two\nlines"}))


def test_no_secret_is_asked_for_where_none_is_written(tmp_path: Path) -> None:
    assert gateway.secret_of(installed(tmp_path, {}, body=BODY))() == ""
