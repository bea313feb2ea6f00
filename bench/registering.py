"""Registering a matter through HTTP on PostgreSQL: allocation, ticket or order, deadlines, journal, outbox in one transaction.

Measured: operators register what citizens say (wages, noise, markets, dangers now and then) on a database that already holds a
million matters, through two HTTP processes beside the worker that publishes what they do, all on the same cores as the clients.
First 50 a second for a while, evenly (the time of an answer counts from when its request was due); then as many as eight clients
get through without a pause.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench import processes
from bench.casework import Person, Town
from bench.figures import Aim, Figure, percentile, spread
from bench.loop import Late
from bench.run import Run

RATE, CLIENTS = 50, 8
SAID = [
    "公司拖欠我三个月工资,老板电话不接,请求帮助追讨",
    "小区楼下夜间施工噪音太大,一直到凌晨,影响休息",
    "菜市场门口占道经营,车辆无法通行",
    "家里停水两天了,没有人通知,什么时候能来水",
    "超市卖过期食品,要求查处并赔偿",
    "想咨询社保转移需要带什么材料",
    "有人在路口持刀打架,有人流血了,快来",
    "楼上一直漏水,物业不管,和邻居吵起来了",
]
_numbers = itertools.count(1)


@dataclass
class Told:
    """What the clients found."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def measure(run: Run) -> list[Figure]:
    town = run.casework
    clients = _clients(town)
    lasting = 8.0 if run.quick else 30.0
    for client in clients:
        _register(client, Told(), None)
    run.say(f"registering: {RATE} a second for {lasting:g} s …")
    even, took, cpu = _evenly(town, clients, lasting)
    run.say(f"registering: {CLIENTS} clients without a pause …")
    full = _full(clients, lasting / 2)
    for client in clients:
        client.close()
    if even.failures or full.failures:
        raise Late(f"{len(even.failures + full.failures)} were refused: {(even.failures + full.failures)[0]}")
    count = len(even.seconds)
    return [
        Figure("register.rate", f"matters registered per second, {RATE} asked for", count / took, "/s", Aim(least=RATE * 0.99)),
        *spread("register.answer", "from when it was due until it is answered", even.seconds, Aim(most=100)),
        *(
            Figure(f"register.cpu.{part}", f"processor time of {part} per matter", 1000 * used / count, "ms")
            for part, used in cpu
        ),
        Figure("register.most", f"{CLIENTS} clients without a pause", len(full.seconds) / (lasting / 2), "/s"),
        Figure("register.most.p95", "their p95", 1000 * percentile(full.seconds, 0.95), "ms"),
    ]


def _clients(town: Town) -> list[Person]:
    """Operators, spread over the processes."""
    operator = town.casework.sign_in("operator", "12345")
    ports = itertools.cycle(port for port, _ in town.casework.apis)
    return [operator.other(next(ports)) for _ in range(CLIENTS)]


def matter() -> dict[str, Any]:
    number = next(_numbers)
    return {
        "channel": "phone",
        "words": SAID[number % len(SAID)],
        "caller_number": f"139{number:08d}",
        "place": f"昆明市五华区华山西路{number % 300 + 1}号",
    }


def _register(client: Person, told: Told, due: float | None) -> None:
    answer = client.post("/api/v1/cases", matter())
    if answer.status != 201:
        told.failures.append(f"{answer.status} {answer.body[:300].decode(errors='replace')}")
    else:
        told.seconds.append(answer.seconds if due is None else time.perf_counter() - due)


def _evenly(town: Town, clients: list[Person], lasting: float) -> tuple[Told, float, list[tuple[str, float]]]:
    told = Told()
    began = time.perf_counter() + 0.1
    turns = iter(range(int(RATE * lasting)))
    lock = threading.Lock()
    before = _used(town)

    def due() -> Iterator[float]:
        while True:
            with lock:
                turn = next(turns, None)
            if turn is None:
                return
            yield began + turn / RATE

    def run(client: Person) -> None:
        for moment in due():
            time.sleep(max(0.0, moment - time.perf_counter()))
            _register(client, told, moment)

    _together(clients, run)
    took = time.perf_counter() - began
    return told, took, [(part, used - before[part]) for part, used in _used(town).items()]


def _full(clients: list[Person], lasting: float) -> Told:
    told = Told()
    end = time.perf_counter() + lasting

    def run(client: Person) -> None:
        while time.perf_counter() < end:
            _register(client, told, None)

    _together(clients, run)
    return told


def _together(clients: list[Person], run: Callable[[Person], None]) -> None:
    threads = [threading.Thread(target=run, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _used(town: Town) -> dict[str, float]:
    apis = [pid for _, pid in town.casework.apis]
    return {"api": processes.cpu_of(apis), "worker": processes.cpu(town.casework.worker_pid)}
