"""``hotline up``: everything that one machine needs, under one supervisor."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table

from config.settings import Settings, check_http
from hotline import emergencies, lock, ports, prepare, processes, valkey
from hotline.errors import CommandError
from hotline.processes import Service, Supervisor


def services(settings: Settings) -> list[Service]:
    """What runs here, in the order of need. The worker and the interface bring the database to this release's schema, and wait
    for a database that is away; calls don't."""
    found = []
    if settings.redis_embedded:
        found.append(
            Service(
                "valkey",
                valkey.prepare(settings),
                ready=lambda: valkey.answers(settings.valkey_socket),
                last_words=lambda: valkey.last_words(settings),
            )
        )
    needs = tuple(service.name for service in found)
    found.append(Service("telephony", _own("telephony"), needs=needs))
    found.append(Service("worker", _own("worker"), needs=needs, essential=False))
    found.append(Service("api", _own("api"), needs=needs, essential=False))
    return found


def _own(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hotline", *arguments]


def check(settings: Settings) -> None:
    """Raise :class:`CommandError` or :class:`config.errors.ConfigError` for what would stop the services from starting, above all
    ports in use."""
    emergencies.check(settings)
    faults = [(need, fault) for need in ports.needs(settings) if (fault := ports.fault(need))]
    if faults:
        need, fault = faults[0]
        raise CommandError(
            f"port {need.port}/{need.kind} on {need.host} ({need.name}) is {fault}"
            if fault.startswith("in use")
            else f"port {need.port}/{need.kind} on {need.host} ({need.name}): {fault}",
            f"end that program, or set {need.variable} to another port",
        )


def run(settings: Settings, *, as_json: bool = False, chosen: Sequence[Service] | None = None) -> int:
    """Run until told to end; returns the exit status. ``chosen`` services take the place of :func:`services`."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"{settings.data_dir} can't be made ({error.strerror})", "let HOTLINE_DATA_DIR name a folder of your own"
        ) from error
    say = _sayer()
    with lock.hold(settings.data_dir):
        check(settings)
        check_http(settings)
        secrets = prepare.data_folder(settings)
        for warning in settings.warnings:
            say(f"warning: {warning}")
        if settings.run_dir.parent != settings.data_dir:
            say(f"{settings.data_dir} is too long a path for unix sockets: they are in {settings.run_dir}")
        without = sorted(set(settings.seats) - set(secrets.seats_with_secret()))
        if without:
            say(f"warning: no secret yet, so can't register: {spans(without)} (`hotline seats set-secret SEAT`)")

        def on_ready(facts: dict[str, dict[str, Any]]) -> None:
            summary = facts_of(settings, facts, secrets.created)
            url = facts.get("api", {}).get("url", "")
            print(json.dumps(summary, ensure_ascii=False) if as_json else text(settings, secrets.created, url), flush=True)

        try:
            return Supervisor(services(settings) if chosen is None else chosen, say).run(on_ready)
        finally:
            if settings.run_dir.parent != settings.data_dir:
                with contextlib.suppress(OSError):  # rooms that still have a call keep their sockets in it
                    settings.run_dir.rmdir()


def _sayer() -> processes.Say:
    def say(words: str) -> None:
        print(f"up: {words}", file=sys.stderr, flush=True)

    return say


def facts_of(settings: Settings, facts: dict[str, dict[str, Any]], created: dict[str, str]) -> dict[str, Any]:
    """The summary for programs: one object."""
    return {
        "ready": True,
        "env": settings.env,
        "data_dir": str(settings.data_dir),
        "bind": settings.bind,
        "advertise": settings.advertise,
        "sip_port": settings.sip_port,
        "sip_tls_port": settings.sip_tls_port if settings.tls_certificate else None,
        "trunk_port": settings.trunk_port,
        "http_port": settings.http_port,
        "realm": settings.realm,
        "redis": str(settings.valkey_socket) if settings.redis_embedded else "network",
        "new_demo_passwords": created,
        "services": facts,
    }


def spans(seats: Sequence[str]) -> str:
    """``8001 8002 8003 8090`` is written ``8001–8003, 8090``."""
    parts = []
    for _, run_of in groupby(enumerate(sorted(seats, key=int)), lambda pair: int(pair[1]) - pair[0]):
        members = [seat for _, seat in run_of]
        parts.append(members[0] if len(members) == 1 else f"{members[0]}–{members[-1]}")
    return ", ".join(parts)


def text(settings: Settings, created: dict[str, str], url: str = "") -> str:
    """The summary for people; ``url``: where HTTP is served, empty while it is not."""
    console = Console(width=100, highlight=False)
    with console.capture() as capture:
        _print(console, settings, created, url)
    return capture.get()


def _print(console: Console, settings: Settings, created: dict[str, str], url: str) -> None:
    host = settings.advertise
    console.print(f"\nhotline is up ({settings.env}); its data is in {settings.data_dir}\n", soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    tls = f", TLS {settings.sip_tls_port}" if settings.tls_certificate else ""
    table.add_row("seats register at", f"{host}:{settings.sip_port} (UDP, TCP{tls})")
    table.add_row("trunks call in at", f"{host}:{settings.trunk_port} (UDP, TCP)")
    table.add_row("HTTP interface", f"{url} (its documentation: {url}/docs)" if url else "not ready yet")
    for centre in settings.installation.centres:
        mine = [seat.id for seat in settings.installation.seats if seat.centre == centre.id]
        table.add_row(f"{centre.name}", f"dial {', '.join(centre.numbers)}; seats {spans(mine) or 'none'}")
    duty = [seat.id for seat in settings.installation.seats if seat.centre is None]
    if duty:
        table.add_row("duty posts", spans(duty))
    console.print(table)
    console.print(
        f"\nA softphone (Linphone, MicroSIP) becomes a seat with: user 8001, domain {host}:{settings.sip_port}, UDP, and"
        "\nthe seat's password. A seat dials 12345, 110, 119, 120, 122 or another seat. In a call: *1 hands over to the"
        "\nother centre, *3 makes it a call of three, *7 consults first, *0 takes it back."
        f"\nA citizen is any phone on this machine that dials sip:12345@{host}:{settings.trunk_port} without registering."
        if not settings.production
        else "\nPhones register with their seat's id and the secret set by `hotline seats set-secret SEAT`.",
        soft_wrap=True,
    )
    if created:
        words = Table.grid(padding=(0, 3))
        rows = [f"{seat}  {password}" for seat, password in sorted(created.items(), key=lambda item: int(item[0]))]
        for index in range(0, len(rows), 4):
            words.add_row(*rows[index : index + 4])
        console.print("\nDemo passwords, told this once (a new one: `hotline seats set-secret SEAT`):")
        console.print(words)
    console.print("\nCtrl-C ends everything.")
