"""The worker's jobs in real processes: killed in the middle, two at once, servers that die; nothing is lost or doubled."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import redis

from config.keys import KeyFile
from router import heartbeat
from router.access.actor import Actor
from router.journal import book, checkpoint, news, subscriptions
from router.journal.subscriptions import Wish
from router.journal.verify import verify
from router.storage import migrations, sealed, vault
from router.storage.engine import Database
from router.timers import timers
from router.timers.timers import Plan
from tests.storage.parts import Valkey, run, until
from tests.worker.stack import connect, sql, worker

ADMINISTRATOR = Actor(id="u-admin", role="administrator", unit="", desk="")

END_LEASES = "UPDATE timer SET lease_until = '2000-01-01 00:00:00' WHERE lease_owner IS NOT NULL"


def set_timers(url: str, count: int, *, subjects: int = 5) -> None:
    async def story() -> None:
        database = Database(url)
        now = dt.datetime.now(dt.UTC)
        async with database.write() as session:
            await timers.set_(session, [Plan(f"t{n}", "trace", now, subject=f"s{n % subjects}") for n in range(count)], now)
        await database.close()

    run(story())


def subscribe(url: str, data: Path, receiver: str) -> None:
    async def story() -> None:
        database = Database(url)
        await vault.unlock(database, data)
        async with database.write() as session:
            wish = Wish("测试", receiver, ["trace.*"])
            await subscriptions.create(session, wish, ADMINISTRATOR, dt.datetime.now(dt.UTC), development=True)
        await database.close()
        sealed.close()

    run(story())


def traced(client: redis.Redis) -> list[str]:
    """Timers by the entries of the stream."""
    entries: Any = client.xrange(news.STREAM)
    return [str(news.decode(fields).body["timer"]) for _, fields in entries]


def check_whole(url: str, data: Path) -> int:
    async def story() -> int:
        database = Database(url)
        found = await verify(database, [data / "journal"])
        await database.close()
        assert found.ok, [str(one) for one in found.broken]
        return found.entries

    return run(story())


@contextmanager
def receiver(statuses: Sequence[int] = ()) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook receiver: answers with ``statuses`` first, then 200. Its URL, and what it took."""
    taken: list[dict[str, Any]] = []
    left = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status = left.pop(0) if left else 200
            if status == 200:
                taken.append(body)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", taken
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_killed_in_the_middle_of_a_timer_nothing_is_lost_and_nothing_doubled(servers: tuple[str, str], tmp_path: Path) -> None:
    redis_url, database_url = servers
    migrations.upgrade(database_url)
    set_timers(database_url, 20)
    (tmp_path / "slow").touch()
    with connect(redis_url) as client, sql(database_url) as db:
        with worker(redis_url, database_url, crew=tmp_path) as one:
            one.ready()
            until((tmp_path / "entered").exists, "the worker to stand in the middle of a handler")
            one.kill()
        assert (db.count("outbox"), traced(client)) == (0, [])
        (tmp_path / "slow").unlink()
        db.run(END_LEASES)  # instead of waiting for the dead worker's lease to run out
        with worker(redis_url, database_url, crew=tmp_path) as two:
            until(lambda: len(traced(client)) >= 20, "all events in the stream")
            assert two.stop() == 0
        assert sorted(traced(client)) == sorted(f"t{n}" for n in range(20))
        assert db.count("journal_entry") == 20
        assert check_whole(database_url, tmp_path) == 20
        assert db.one("SELECT count(*) FROM lease") == 0  # a graceful stop leaves none behind


def test_killed_again_and_again_with_two_workers_every_timer_counts_once(valkey: Valkey, sqlite_url: str, tmp_path: Path) -> None:
    migrations.upgrade(sqlite_url)
    set_timers(sqlite_url, 150, subjects=20)
    with connect(valkey.url) as client, sql(sqlite_url) as db, worker(valkey.url, sqlite_url, crew=tmp_path) as steady:
        steady.ready()
        for share in (10, 60):
            with worker(valkey.url, sqlite_url, crew=tmp_path) as other:
                until(lambda share=share: len(traced(client)) >= share, f"{share} events")
                other.kill()
            db.run(END_LEASES)
        until(lambda: db.one("SELECT count(*) FROM timer WHERE kind = 'trace' AND state = 'pending'") == 0, "all timers")
        until(lambda: len(traced(client)) >= 150, "all events")
        assert sorted(traced(client)) == sorted(f"t{n}" for n in range(150))
        assert check_whole(sqlite_url, tmp_path) == 150
        assert steady.stop() == 0


def test_a_webhook_gets_everything_in_order_through_kills_of_worker_and_redis(
    valkey: Valkey, sqlite_url: str, tmp_path: Path
) -> None:
    migrations.upgrade(sqlite_url)
    with receiver([500, 503, 200, 500]) as (url, taken), sql(sqlite_url) as db:
        subscribe(sqlite_url, tmp_path, url)
        set_timers(sqlite_url, 12, subjects=2)
        with worker(valkey.url, sqlite_url, crew=tmp_path) as one:
            until(lambda: len(taken) >= 1, "the first to be taken")
            one.kill()
        valkey.kill()
        db.run(END_LEASES)
        db.run(END_LEASES.replace("timer", "delivery"))
        with worker(valkey.url, sqlite_url, crew=tmp_path) as two:
            until(lambda: two.logged("relay.redis_lost"), "the relay to miss Redis")
            until(lambda: db.one("SELECT count(*) FROM timer WHERE kind = 'trace' AND state = 'pending'") == 0, "timers to go on")
            valkey.start()
            until(lambda: len({one["id"] for one in taken}) == 12, "all to be taken")
            until(lambda: db.one("SELECT count(*) FROM delivery WHERE done_at IS NULL") == 0, "all to be noted")
            assert two.logged("relay.redis_lost") == 1
            assert two.stop() == 0
        for case in ("s0", "s1"):
            orders = list(dict.fromkeys(one["order"] for one in taken if one["case"] == case))
            assert len(orders) == 6 and orders == sorted(orders)


def test_the_worker_makes_its_keys_and_tells_of_itself(servers: tuple[str, str], tmp_path: Path) -> None:
    redis_url, database_url = servers
    migrations.upgrade(database_url)
    with connect(redis_url) as client, sql(database_url) as db, worker(redis_url, database_url, crew=tmp_path) as one:
        one.ready()

        def told() -> dict[str, Any]:
            found: Any = client.hgetall(heartbeat.KEY)
            (facts,) = [json.loads(text) for text in found.values()] or [{"jobs": {"none": False}}]
            return dict(facts) if all(facts["jobs"].values()) else {}

        facts = until(told, "a heartbeat that says that all jobs work")
        assert {"relay", "deliver", "timers", "checkpoint", "kicks"} == set(facts["jobs"])
        assert "hotline_outbox_lag_seconds" in {each["name"] for each in facts["metrics"]}
        assert KeyFile(tmp_path).read() is not None and db.count("key_check") == 1
        assert one.stop() == 0
        assert client.hgetall(heartbeat.KEY) == {}


def test_a_worker_with_other_keys_is_refused_with_one_line(valkey: Valkey, sqlite_url: str, tmp_path: Path) -> None:
    migrations.upgrade(sqlite_url)
    with worker(valkey.url, sqlite_url, crew=tmp_path / "a") as one:
        one.ready()
        assert one.stop() == 0
    for folder in (tmp_path / "b", tmp_path / "c"):
        if folder.name == "c":
            KeyFile(folder).make()
        with worker(valkey.url, sqlite_url, crew=folder) as other:
            assert other.process.wait(60) == 1
            assert "storage.keys_refused" in other.log()[-1]["event"]
    assert not (tmp_path / "b" / "secrets" / "data.keys").exists()


def test_checkpoints_are_written_by_the_running_worker(valkey: Valkey, sqlite_url: str, tmp_path: Path) -> None:
    migrations.upgrade(sqlite_url)
    set_timers(sqlite_url, 5)
    with worker(valkey.url, sqlite_url, crew=tmp_path) as one, connect(valkey.url) as client, sql(sqlite_url) as db:
        one.ready()
        until(lambda: len(traced(client)) == 5, "the timers")
        assert one.stop() == 0
        with worker(valkey.url, sqlite_url, crew=tmp_path) as two:  # it looks at its start
            two.ready()
            until(lambda: db.one("SELECT count(*) FROM chain_head WHERE unsealed") == 0, "the seal")
            assert two.stop() == 0
    (file,) = book.months(checkpoint.folder_of(tmp_path))
    chains = {chain for raw in book.raw_lines(file) for chain in book.parse(raw.rstrip()).heads}
    assert chains == {f"case:s{n}" for n in range(5)}
    assert check_whole(sqlite_url, tmp_path) == 5
