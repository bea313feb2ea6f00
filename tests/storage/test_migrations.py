"""The schema: made once however many ask for it, equal to the models, and never touched by an older release."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from router.storage import engine, errors, migrations
from router.storage.base import Base


def sync(url: str):  # type: ignore[no-untyped-def]
    return create_engine(engine.parse(url, sync=True))


def test_a_new_database_is_brought_to_the_newest_revision(database_url: str) -> None:
    assert migrations.current(database_url) is None
    with pytest.raises(errors.SchemaMissing, match="hotline migrate"):
        migrations.check(database_url)
    assert migrations.upgrade(database_url) == migrations.head() == migrations.current(database_url)
    assert migrations.upgrade(database_url) == migrations.head()
    migrations.check(database_url)


def test_the_migrations_make_what_the_models_say(database_url: str) -> None:
    migrations.upgrade(database_url)
    opened = sync(database_url)
    with opened.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    opened.dispose()


def test_processes_that_migrate_at_once_take_turns(database_url: str) -> None:
    program = "import sys; from router.storage import migrations; print(migrations.upgrade(sys.argv[1]))"
    running = [
        subprocess.Popen([sys.executable, "-c", program, database_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in running:
        out, err = process.communicate(timeout=90)
        assert (process.returncode, out.decode().strip()) == (0, migrations.head()), err.decode()
    migrations.check(database_url)


def test_a_database_of_a_newer_release_is_refused(database_url: str) -> None:
    migrations.upgrade(database_url)
    opened = sync(database_url)
    with opened.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    opened.dispose()
    for step in (migrations.upgrade, migrations.check):
        with pytest.raises(errors.SchemaTooNew, match="9999"):
            step(database_url)


def test_asking_for_the_revision_makes_no_file(tmp_path: Path) -> None:
    assert migrations.current(f"sqlite:///{tmp_path}/none.db") is None
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_away_is_named_as_such() -> None:
    with pytest.raises(errors.Unreachable, match="can't be"):
        migrations.upgrade("postgresql://nobody@127.0.0.1:1/none")


@pytest.mark.parametrize("url", ["", "hotline.db", "mysql://root@localhost/x", "sqlite://", "postgresql://host"])
def test_a_url_that_names_no_database_of_ours_is_refused_with_a_remedy(url: str) -> None:
    with pytest.raises(errors.BadUrl, match=r"sqlite:///|postgresql://"):
        migrations.upgrade(url)


def test_a_wrong_url_does_not_show_its_password() -> None:
    with pytest.raises(errors.BadUrl) as raised:
        engine.parse("mysql://root:hunter2@localhost/x")
    assert "hunter2" not in str(raised.value)
