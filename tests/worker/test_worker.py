"""The worker on real streams and databases: every event once, whatever dies, and nothing stands in the way."""

from __future__ import annotations

import signal
import subprocess
import sys

import psycopg
import pytest

from router.storage import migrations
from telephony import contract
from tests.storage import facts
from tests.storage.facts import T0
from tests.storage.parts import DATABASE_KINDS, POSTGRESQL, Valkey, until
from tests.worker.stack import connect, drained, pending, put, sql, wait_drained, worker

needs_postgresql = pytest.mark.parametrize("server", [kind for kind in DATABASE_KINDS if kind == "postgresql"])


def some(count: int, start: int = 0) -> list[contract.Event]:
    return [facts.call(f"c{number}", 1) for number in range(start, start + count)]


def test_events_become_rows_and_are_acknowledged(servers: tuple[str, str]) -> None:
    redis_url, database_url = servers
    with worker(redis_url, database_url) as one, connect(redis_url) as client, sql(database_url) as db:
        one.ready()
        newest = facts.call("c1", 2, end_cause="completed", answered_at=T0 + 0.000001)
        put(client, newest, facts.call("c1", 1), facts.party("p1", "c1"))
        wait_drained(client)
        later = "answered_at > started_at"  # times are kept to the microsecond
        assert db.rows(f"SELECT rev, end_cause FROM call WHERE {later}") == [(2, "completed")]
        assert (db.count("party"), db.count("consumed_event")) == (1, 3)
        assert one.stop() == 0
        assert client.xinfo_consumers(contract.EVENTS, "call-records") == []


def test_what_was_there_before_the_worker_is_taken_as_well(valkey: Valkey, sqlite_url: str) -> None:
    with connect(valkey.url) as client, sql(sqlite_url) as db:
        put(client, *some(450))
        with worker(valkey.url, sqlite_url) as one:
            one.ready()
            wait_drained(client)
        assert db.count("call") == 450


def test_the_same_event_twice_in_the_stream_counts_once(valkey: Valkey, database_url: str) -> None:
    change = facts.event(contract.SeatChanged, "", seat="8001", centre="12345", status="available", reason="", state="idle")
    with worker(valkey.url, database_url) as one, connect(valkey.url) as client, sql(database_url) as db:
        one.ready()
        put(client, change, change)
        wait_drained(client)
        put(client, change)
        wait_drained(client)
        assert (db.count("seat_change"), db.count("consumed_event")) == (1, 1)


def test_poison_is_kept_with_its_reason_and_blocks_nothing(servers: tuple[str, str]) -> None:
    redis_url, database_url = servers
    with worker(redis_url, database_url) as one, connect(redis_url) as client, sql(database_url) as db:
        one.ready()
        put(client, *some(3))
        for fields in (
            {contract.FIELD: b"\xff not json"},
            {contract.FIELD: b'{"type":"NoSuchEvent","id":"x","at":1,"node":"n"}'},
            {"other": "field"},
            {contract.FIELD: contract.encode(facts.call("bad-time", 1, started_at=1e300))},
            {contract.FIELD: contract.encode(facts.call("bad-rev", 2**63))},
        ):
            client.xadd(contract.EVENTS, fields)
        put(client, *some(3, start=3))
        wait_drained(client)
        assert db.rows("SELECT id FROM call ORDER BY id") == [(f"c{n}",) for n in range(6)]
        letters = db.rows("SELECT reason, body FROM dead_letter ORDER BY entry_id")
        assert len(letters) == 5
        assert [bool(reason) for reason, _ in letters] == [True] * 5
        assert any(bytes(body) == b"\xff not json" for _, body in letters)
        assert any("no field" in reason for reason, _ in letters)
        assert one.logged("consumer.dead_letter") == 5
        assert one.stop() == 0


def test_an_entry_that_vanished_from_the_stream_is_reported(valkey: Valkey, sqlite_url: str) -> None:
    with connect(valkey.url) as client, sql(sqlite_url) as db:
        client.xgroup_create(contract.EVENTS, "call-records", id="0", mkstream=True)
        entries = put(client, *some(2))
        client.xreadgroup("call-records", "a-dead-one", {contract.EVENTS: ">"})
        client.xdel(contract.EVENTS, entries[0])
        with worker(valkey.url, sqlite_url) as one:
            one.ready()
            until(lambda: pending(client) == 0, "the dead one's entries to be taken over")
        assert db.rows("SELECT id FROM call") == [("c1",)]


@needs_postgresql
def test_killed_in_the_middle_of_a_batch_every_event_still_counts_once(server: str, valkey: Valkey, postgresql_url: str) -> None:
    migrations.upgrade(postgresql_url)
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with connect(valkey.url) as client, sql(postgresql_url) as db:
        with worker(valkey.url, postgresql_url) as one:
            one.ready()
            with db.held("LOCK TABLE party IN EXCLUSIVE MODE"):
                put(client, *some(30), *(facts.party(f"p{n}", f"c{n}") for n in range(30)))
                until(lambda: db.one(waits), "the worker to stand in the middle of its transaction")
                one.kill()
            until(lambda: not db.one(waits), "the dead worker's transaction to end")
        assert (db.count("call"), pending(client) > 0) == (0, True)
        with worker(valkey.url, postgresql_url) as two:
            two.ready()
            wait_drained(client)
            assert two.logged("consumer.claimed") == 1
        assert (db.count("call"), db.count("party"), db.count("consumed_event")) == (30, 30, 60)


@needs_postgresql
def test_killed_between_commit_and_acknowledgement_nothing_is_doubled(server: str, valkey: Valkey, postgresql_url: str) -> None:
    migrations.upgrade(postgresql_url)
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    note = facts.event(contract.DigitPressed, "c0", party="p1", digits="*1", meaning="one-key")
    with sql(postgresql_url) as db:
        with worker(valkey.url, postgresql_url) as one:
            one.ready()
            with db.held("LOCK TABLE call_note IN EXCLUSIVE MODE"):
                with connect(valkey.url) as client:
                    put(client, *some(5), note)
                until(lambda: db.one(waits), "the worker to stand in the middle of its transaction")
                valkey.kill()
            until(lambda: db.count("call_note"), "the commit")
            until(lambda: one.logged("consumer.redis_lost"), "the acknowledgement to fail")
            one.kill()
        valkey.start()
        with connect(valkey.url) as client, worker(valkey.url, postgresql_url) as two:
            assert pending(client) > 0
            two.ready()
            wait_drained(client)
            assert two.logged("consumer.claimed") == 1
        assert (db.count("call"), db.count("call_note"), db.count("consumed_event")) == (5, 1, 6)


def test_killed_at_any_moment_counts_stay_equal(valkey: Valkey, sqlite_url: str) -> None:
    """Three kills while 1500 events go through in small batches; wherever they fall."""
    migrations.upgrade(sqlite_url)
    with connect(valkey.url) as client, sql(sqlite_url) as db:
        put(client, *some(1500))
        for share in (150, 500, 900):
            with worker(valkey.url, sqlite_url, batch=20) as one:
                until(lambda share=share: db.count("call") >= share, f"{share} calls")
                one.kill()
        with worker(valkey.url, sqlite_url, batch=20) as last:
            last.ready()
            wait_drained(client)
        assert (db.count("call"), db.count("consumed_event"), db.count("dead_letter")) == (1500, 1500, 0)


def test_two_workers_share_the_work_and_double_nothing(servers: tuple[str, str]) -> None:
    redis_url, database_url = servers
    # a worker that is slow for half a second on a busy machine is not taken for dead here, or both would look at its batch
    patient = {"batch": 10, "claim_after": 60}
    with (
        worker(redis_url, database_url, **patient) as one,
        worker(redis_url, database_url, **patient) as two,
        connect(redis_url) as client,
        sql(database_url) as db,
    ):
        one.ready()
        two.ready()
        for start in range(0, 600, 60):
            put(client, *some(60, start), *(facts.call(f"c{n}", 2, end_cause="completed") for n in range(start, start + 60)))
        wait_drained(client)
        assert one.stop() == two.stop() == 0
        assert db.rows("SELECT rev, count(*) FROM call GROUP BY rev") == [(2, 600)]
        assert db.count("consumed_event") == 1200
        shares = [next(line["handled"] for line in w.log() if line["event"] == "worker.stopped") for w in (one, two)]
        assert sum(shares) == 1200


def test_redis_dies_and_comes_back(valkey: Valkey, sqlite_url: str) -> None:
    with worker(valkey.url, sqlite_url) as one, sql(sqlite_url) as db:
        one.ready()
        with connect(valkey.url) as client:
            put(client, *some(5))
            wait_drained(client)
        valkey.kill()
        until(lambda: one.logged("consumer.redis_lost"), "the outage to be noticed")
        valkey.start()
        with connect(valkey.url) as client:
            put(client, *some(5, 5))
            until(lambda: one.logged("consumer.redis_back"), "the worker to go on")
            wait_drained(client)
        assert (db.count("call"), one.logged("consumer.redis_lost")) == (10, 1)
        assert one.stop() == 0


def test_redis_comes_back_empty_and_the_group_is_made_anew(valkey: Valkey, sqlite_url: str) -> None:
    with worker(valkey.url, sqlite_url) as one, connect(valkey.url) as client, sql(sqlite_url) as db:
        one.ready()
        put(client, *some(2))
        wait_drained(client)
        client.flushall()
        put(client, *some(2, 2))
        until(lambda: db.count("call") == 4, "the new stream's events")


def test_the_worker_waits_for_redis_and_database_at_start_and_stops_meanwhile(valkey: Valkey, sqlite_url: str) -> None:
    valkey.kill()
    with worker(valkey.url, sqlite_url) as one:
        until(lambda: one.logged("consumer.redis_lost"), "the outage to be noticed")
        valkey.start()
        one.ready()
    with worker(valkey.url, "postgresql://nobody@127.0.0.1:1/none") as two:
        until(lambda: two.logged("worker.database_away"), "the missing database to be noticed")
        assert two.stop() == 0


@needs_postgresql
def test_cut_connections_to_postgresql_are_made_anew(server: str, valkey: Valkey, postgresql_url: str) -> None:
    name = postgresql_url.rpartition("/")[2]
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    migrations.upgrade(postgresql_url)
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with (
        worker(valkey.url, postgresql_url) as one,
        connect(valkey.url) as client,
        sql(postgresql_url) as db,
        psycopg.connect(f"{POSTGRESQL}/postgres", autocommit=True) as root,
    ):
        one.ready()
        put(client, *some(5))
        wait_drained(client)
        with db.held("LOCK TABLE call IN EXCLUSIVE MODE"):
            put(client, *some(5, 5))
            until(lambda: db.one(waits), "the worker to stand in the middle of its transaction")
            root.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'",
                [name],
            )
            until(lambda: one.logged("consumer.database_lost"), "the cut to be noticed")
        wait_drained(client)
        root.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        root.execute(cut, [name])
        put(client, *some(5, 10))
        until(lambda: one.logged("consumer.database_lost") >= 2, "the closed database to be noticed")
        root.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        wait_drained(client)
        db.close()
        assert (db.count("call"), db.count("consumed_event")) == (15, 15)
        assert one.stop() == 0


def test_a_locked_sqlite_is_waited_for(valkey: Valkey, sqlite_url: str) -> None:
    with worker(valkey.url, sqlite_url) as one, connect(valkey.url) as client, sql(sqlite_url) as db:
        one.ready()
        with db.held("DELETE FROM dead_letter"):
            put(client, *some(5))
            until(lambda: one.logged("consumer.database_lost"), "the lock to be noticed")
            assert not drained(client)
        wait_drained(client)
        until(lambda: one.logged("consumer.database_back"), "the recovery to be told")
        assert (db.count("call"), one.logged("consumer.database_lost")) == (5, 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_batch_finish(valkey: Valkey, sqlite_url: str, number: signal.Signals) -> None:
    with worker(valkey.url, sqlite_url, batch=50) as one, connect(valkey.url) as client, sql(sqlite_url) as db:
        one.ready()
        put(client, *some(1000))
        until(lambda: db.count("call"), "the work to begin")
        one.process.send_signal(number)
        assert one.process.wait(20) == 0
        assert pending(client) == 0
        assert db.count("call") == db.count("consumed_event")


def test_the_stream_is_trimmed_behind_all_groups_only(redis_url: str, sqlite_url: str) -> None:
    with worker(redis_url, sqlite_url, keep=0, trim_every=0.1) as one, connect(redis_url) as client:
        one.ready()
        client.xgroup_create(contract.EVENTS, "slow", id="0")
        entries = put(client, *some(20))
        wait_drained_by_us = lambda: pending(client) == 0 and client.xlen(contract.EVENTS) == 20  # noqa: E731
        until(wait_drained_by_us, "our group to be through")
        client.xreadgroup("slow", "s", {contract.EVENTS: ">"}, count=8)
        client.xack(contract.EVENTS, "slow", *entries[:5], entries[6])
        until(lambda: client.xlen(contract.EVENTS) == 15, "what both have acknowledged to go")
        assert client.xrange(contract.EVENTS)[0][0] == entries[5]
        client.xgroup_destroy(contract.EVENTS, "slow")
        until(lambda: client.xlen(contract.EVENTS) == 1, "all but the last to go")


def test_the_stream_keeps_what_is_recent_and_old_ids_are_forgotten(valkey: Valkey, sqlite_url: str) -> None:
    rules = {"keep": 3600, "remember": 0.2, "trim_every": 0.1}
    with (
        worker(valkey.url, sqlite_url, **rules) as one,
        connect(valkey.url) as client,
        sql(sqlite_url) as db,
    ):
        one.ready()
        old = client.xadd(contract.EVENTS, {contract.FIELD: contract.encode(facts.call("old"))}, id="1000-0")
        put(client, *some(3))
        wait_drained(client)
        until(lambda: client.xrange(contract.EVENTS)[0][0] != old, "the old entry to go")
        assert client.xlen(contract.EVENTS) == 3
        until(lambda: db.count("consumed_event") == 0, "the ids to be dropped")
        assert db.count("call") == 4


@pytest.mark.parametrize(
    ("redis_url", "database_url", "words"),
    [
        ("redis://127.0.0.1:1", "mysql://root@localhost/x", "sqlite:///"),
        ("http://127.0.0.1", "sqlite:////tmp/never-made/x.db", "redis://"),
    ],
)
def test_wrong_urls_end_the_worker_with_one_line(redis_url: str, database_url: str, words: str) -> None:
    program = "import sys; from router import worker; sys.exit(worker.serve(*sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", program, redis_url, database_url], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_database_of_a_newer_release_ends_the_worker_with_one_line(valkey: Valkey, sqlite_url: str) -> None:
    migrations.upgrade(sqlite_url)
    with sql(sqlite_url) as db, db._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with worker(valkey.url, sqlite_url) as one:
        assert one.process.wait(60) == 1
        assert "storage.schema_too_new" in one.log()[-1]["event"]
