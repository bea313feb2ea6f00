"""``hotline user``: accounts from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog
from sqlalchemy import select
from typer.testing import CliRunner

from config import settings as configuration
from hotline import user
from hotline.errors import CommandError
from router.access import passwords
from router.storage import vault
from router.storage.engine import Database
from router.storage.journal import JournalEntry
from router.storage.organisation import Account, Agency, Posting, SignIn
from tests.api.parts import AGENCY, CHEAP, T0
from tests.storage.parts import run

PASSWORD = "correct horse battery"
Tell = Callable[..., str]


@pytest.fixture
def tell(hotline_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Tell]:
    """Run ``hotline user …`` on an installation of its own; what it prints, or the error that it ends with."""
    for name, value in hotline_env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(passwords, "HASHER", CHEAP)

    def call(*arguments: str, text: str = f"{PASSWORD}\n") -> str:
        with ThreadPoolExecutor(1) as away:  # a loop runs in this thread already
            done = away.submit(CliRunner().invoke, user.app, arguments, input=text).result()
        if isinstance(done.exception, CommandError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    yield call
    structlog.reset_defaults()


def rows(model: Any, *more: Any) -> list[Any]:
    """Rows of the installation; ``more`` are added first."""

    async def go() -> list[Any]:
        made = configuration.load()
        database = Database(made.database_url)
        try:
            await vault.unlock(database, made.data_dir)
            async with database.write() as session:
                session.add_all(more)
                await session.flush()
                return list((await session.scalars(select(model))).all())
        finally:
            await database.close()

    return run(go())


def add(tell: Tell, username: str, role: str, *more: str, text: str = f"{PASSWORD}\n") -> str:
    return tell("add", username, "--name", "张伟", "--role", role, *more, text=text)


def test_accounts_are_made_listed_and_shut_out(tell: Tell) -> None:
    made = json.loads(add(tell, "admin", "administrator", "--json"))
    assert (made["role"], made["city"], made["active"], made["password"]) == ("administrator", "530100", True, True)
    assert (
        add(tell, "zhang.wei", "operator", "--unit", "12345", "--seat", "8001", "--keep")
        == "account zhang.wei is made (operator)\n"
    )
    add(tell, "gateway", "integration")
    listed = {one["username"]: one for one in json.loads(tell("list", "--json"))}
    assert set(listed) == {"admin", "zhang.wei", "gateway"}
    assert [one["username"] for one in json.loads(tell("list", "--json", "--role", "operator", "--unit", "12345"))] == [
        "zhang.wei"
    ]
    assert "zhang" in tell("list")
    stored = {one.username: one for one in rows(Account)}
    assert {name: one.must_change for name, one in stored.items()} == {"admin": True, "zhang.wei": False, "gateway": False}
    assert passwords.fits(stored["admin"].password, PASSWORD)
    assert tell("deactivate", "zhang.wei") == "account zhang.wei is shut out\n"
    assert tell("deactivate", "zhang.wei", "--undo") == "account zhang.wei is active\n"
    entries = [one for one in rows(JournalEntry) if one.chain == f"user:{stored['zhang.wei'].id}"]
    assert [one.action for one in entries] == ["account.created", "account.deactivated", "account.activated"]
    assert {one.actor for one in entries} == {"system:command-line"}


def test_a_new_password_ends_all_sessions(tell: Tell) -> None:
    add(tell, "zhang.wei", "operator", "--unit", "12345")
    (account,) = rows(Account)
    session = SignIn(
        id="s",
        account=account.id,
        kind="browser",
        family="f",
        desk=None,
        created_at=T0,
        expires_at=T0,
        used_at=T0,
        replaced_at=None,
        revoked_at=None,
    )
    rows(SignIn, session)
    assert tell("set-password", "zhang.wei", "--keep", text="another horse battery\n") == "the password of zhang.wei is set\n"
    (account,), (ended,) = rows(Account), rows(SignIn)
    assert passwords.fits(account.password, "another horse battery") and not account.must_change
    assert ended.revoked_at is not None


def test_people_are_posted(tell: Tell) -> None:
    add(tell, "zhang.wei", "operator", "--unit", "12345")
    told = json.loads(tell("post", "zhang.wei", "110", "--role", "police", "--days", "2", "--json"))
    (posting,) = rows(Posting)
    assert (posting.id, posting.unit, posting.role) == (told["id"], "110", "police")
    assert (posting.until - posting.since).days == 2
    assert "is posted to 110-anning as police" in tell("post", "zhang.wei", "110-anning", "--role", "police")


def test_what_cannot_be_is_refused_with_a_remedy(tell: Tell) -> None:
    add(tell, "zhang.wei", "operator", "--unit", "12345")
    agency = Agency(
        code=AGENCY,
        city="530100",
        name="市人社局",
        kind="人社",
        level="department",
        divisions=["530100"],
        parent=None,
        active=True,
        created_at=T0,
        updated_at=T0,
    )
    rows(Agency, agency)
    assert "is made" in add(tell, "li.na", "agency", "--unit", AGENCY)
    for arguments, text in (
        (("add", "zhang.wei", "--name", "x", "--role", "operator", "--unit", "12345"), PASSWORD),
        (("add", "Big Name", "--name", "x", "--role", "operator", "--unit", "12345"), PASSWORD),
        (("add", "x.y", "--name", "x", "--role", "king", "--unit", "12345"), PASSWORD),
        (("add", "x.y", "--name", "x", "--role", "operator", "--unit", "110"), PASSWORD),
        (("add", "x.y", "--name", "x", "--role", "operator", "--unit", "12345"), "short"),
        (("add", "x.y", "--name", "x", "--role", "operator", "--unit", "12345"), ""),
        (("add", "x.y", "--name", "x", "--role", "operator", "--unit", "12345", "--oidc"), ""),
        (("add", "x.y", "--name", "x", "--role", "operator", "--unit", "12345", "--seat", "1"), PASSWORD),
        (("set-password", "nobody"), PASSWORD),
        (("deactivate", "nobody"), ""),
        (("post", "zhang.wei", "12345", "--role", "operator"), ""),
        (("post", "zhang.wei", "110", "--role", "administrator"), ""),
        (("post", "zhang.wei", "110", "--role", "police", "--days", "0"), ""),
    ):
        with pytest.raises(CommandError) as caught:
            tell(*arguments, text=text)
        assert caught.value.status == 2 and caught.value.remedy, arguments
    assert len(rows(Account)) == 2


def test_who_signs_in_by_oidc_needs_no_password(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ISSUER", "https://id.example.cn"), ("CLIENT_ID", "hotline"), ("CLIENT_SECRET", "secret")):
        monkeypatch.setenv(f"HOTLINE_OIDC_{name}", value)
    add(tell, "zhang.wei", "operator", "--unit", "12345", "--oidc", text="")
    (account,) = rows(Account)
    assert (account.password, account.oidc_issuer, account.oidc_subject) == (None, "https://id.example.cn", None)
