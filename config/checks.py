"""Checks across an installation: what each model alone can't see. Every check yields (path, what, remedy)."""

from __future__ import annotations

import ipaddress
import re
import wave
from collections.abc import Iterable, Iterator
from pathlib import Path

from config import gateways
from config.documents import KeyPath
from config.environment import PortRange
from config.explain import suggestion
from config.model import Installation

Finding = tuple[KeyPath, str, str]


def check(installation: Installation, rtp_ports: PortRange, prompts_dir: Path, *, development: bool) -> list[Finding]:
    """All that is wrong across the installation."""
    findings: list[Finding] = []
    findings += names(installation)
    findings += defaults(installation)
    findings += queues(installation)
    findings += overflow_loops(installation)
    findings += groups(installation)
    findings += references(installation)
    findings += trunks(installation)
    findings += dial_rules(installation)
    findings += prompts(installation, prompts_dir)
    findings += limits(installation, rtp_ports)
    findings += retention(installation)
    findings += classifier(installation)
    if installation.linkage.sms is not None:
        findings += gateways.check(installation.linkage.sms, ("linkage", "sms"), development=development)
    return findings


def _twice(entries: Iterable[tuple[KeyPath, str]], kind: str) -> Iterator[Finding]:
    seen: dict[str, KeyPath] = {}
    for path, name in entries:
        if name in seen:
            first = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in seen[name]).lstrip(".")
            yield path, f"{kind} {name} is taken by {first} already", "give each its own"
        else:
            seen[name] = path


def names(installation: Installation) -> Iterator[Finding]:
    """Ids and dialled numbers belong to one thing each."""
    places: list[tuple[KeyPath, str]] = [(("centres", i, "id"), c.id) for i, c in enumerate(installation.centres)]
    places += [(("outside", i, "id"), line.id) for i, line in enumerate(installation.outside)]
    yield from _twice(places, "the id")
    yield from _twice(((("trunks", i, "id"), t.id) for i, t in enumerate(installation.trunks)), "the trunk id")
    dialled: list[tuple[KeyPath, str]] = []
    for index, centre in enumerate(installation.centres):
        dialled += [(("centres", index, "numbers", n), number) for n, number in enumerate(centre.numbers)]
    dialled += [(("outside", i, "number"), line.number) for i, line in enumerate(installation.outside)]
    dialled += [(("seats", i, "id"), seat.id) for i, seat in enumerate(installation.seats)]
    yield from _twice(dialled, "the number")
    for path, number in dialled:
        if number.startswith("*"):
            yield path, f"{number} begins with *, which is for feature keys", "take a number of digits"
    owners: dict[tuple[str, str], str] = {}
    for index, centre in enumerate(installation.centres):
        for n, division in enumerate(centre.divisions):
            owner = owners.setdefault((centre.kind, division), centre.id)
            if owner != centre.id:
                yield (
                    ("centres", index, "divisions", n),
                    f"division {division} belongs to centre {owner} already",
                    f"a division has one centre of kind {centre.kind}: remove it from one",
                )


def defaults(installation: Installation) -> Iterator[Finding]:
    """Of each kind one centre takes what no other takes."""
    for kind in ("12345", "110"):
        centres = [(index, centre) for index, centre in enumerate(installation.centres) if centre.kind == kind]
        chosen = [(index, centre) for index, centre in centres if centre.default]
        if centres and not chosen:
            yield ("centres", centres[0][0]), f"no centre of kind {kind} is the default", "write `default: true` at one"
        for index, centre in chosen[1:]:
            yield (
                ("centres", index, "default"),
                f"{centre.id} and {chosen[0][1].id} are both the default of kind {kind}",
                "leave `default: true` at one",
            )


def queues(installation: Installation) -> Iterator[Finding]:
    """Prompts and overflow targets of queues exist."""
    centres = {centre.id for centre in installation.centres}
    for index, centre in enumerate(installation.centres):
        base: KeyPath = ("centres", index, "queue")
        for key in ("greeting", "overflow", "no_seats"):
            prompt = getattr(centre.queue, key)
            if prompt not in installation.prompts:
                yield (*base, key), f"there is no prompt {prompt}", suggestion(prompt, installation.prompts)
        target = centre.queue.overflow_to
        if target is not None and target not in centres:
            yield (*base, "overflow_to"), f"there is no centre {target}", suggestion(target, centres)


def overflow_loops(installation: Installation) -> Iterator[Finding]:
    """A call that overflows comes to an end some time."""
    index = {centre.id: i for i, centre in enumerate(installation.centres)}
    onward = {centre.id: centre.queue.overflow_to for centre in installation.centres}
    told: set[str] = set()
    for start in onward:
        path = [start]
        while (following := onward.get(path[-1])) is not None and following not in path:
            path.append(following)
        if following is None or following in told:
            continue
        loop = path[path.index(following) :]
        told.update(loop)
        yield (
            ("centres", index[loop[-1]], "queue", "overflow_to"),
            f"calls overflow in a circle: {' → '.join([*loop, following])}",
            "let the last one play its `overflow` prompt: remove its `overflow_to`",
        )


def groups(installation: Installation) -> Iterator[Finding]:
    """Steps and seats of a centre name the same groups."""
    staffed: dict[str, set[str]] = {centre.id: set() for centre in installation.centres}
    for seat in installation.seats:
        if seat.centre in staffed:
            staffed[seat.centre].update(seat.groups)
    used: dict[str, set[str]] = {}
    for index, centre in enumerate(installation.centres):
        rung = used.setdefault(centre.id, set())
        for kind in ("direct", "transfer"):
            for s, step in enumerate(getattr(centre.queue, kind)):
                for g, group in enumerate(step.groups):
                    rung.add(group)
                    if group not in staffed[centre.id]:
                        yield (
                            ("centres", index, "queue", kind, s, "groups", g),
                            f"no seat of {centre.id} is in the group {group}",
                            f"put a seat into it, or write another group; {suggestion(group, staffed[centre.id])}",
                        )
    for index, seat in enumerate(installation.seats):
        for g, group in enumerate(seat.groups):
            if seat.centre in used and group not in used[seat.centre]:
                yield (
                    ("seats", index, "groups", g),
                    f"no step of {seat.centre}'s queue rings the group {group}",
                    f"name it in a step, or remove it here; {suggestion(group, used[seat.centre])}",
                )


def references(installation: Installation) -> Iterator[Finding]:
    """Seats name centres, outside lines and dial rules name trunks that exist."""
    centres = {centre.id for centre in installation.centres}
    trunk_ids = {trunk.id for trunk in installation.trunks}
    for index, seat in enumerate(installation.seats):
        if seat.centre is not None and seat.centre not in centres:
            yield ("seats", index, "centre"), f"there is no centre {seat.centre}", suggestion(seat.centre, centres)
        if seat.centre is None and seat.role != "duty":
            yield (
                ("seats", index),
                f"seat {seat.id} ({seat.role}) belongs to no centre",
                "name its `centre`, or write `role: duty`",
            )
        if seat.centre is None and seat.groups:
            yield (
                ("seats", index, "groups"),
                f"duty post {seat.id} is in a group, and would be rung for callers",
                "remove `groups`, or name its `centre`",
            )
    for index, line in enumerate(installation.outside):
        if line.trunk not in trunk_ids:
            yield ("outside", index, "trunk"), f"there is no trunk {line.trunk}", suggestion(line.trunk, trunk_ids)
    for index, rule in enumerate(installation.dial_rules):
        if rule.trunk is not None and rule.trunk not in trunk_ids:
            yield ("dial_rules", index, "trunk"), f"there is no trunk {rule.trunk}", suggestion(rule.trunk, trunk_ids)


def trunks(installation: Installation) -> Iterator[Finding]:
    """A trunk is known by its addresses: they must be right, its own, and not everybody's."""
    owners: dict[str, str] = {}
    for index, trunk in enumerate(installation.trunks):
        for n, text in enumerate(trunk.addresses):
            path: KeyPath = ("trunks", index, "addresses", n)
            try:
                network = ipaddress.ip_network(text, strict=False)
            except ValueError:
                yield path, f"{text!r} is no address or network", "write e.g. 203.0.113.5 or 203.0.113.0/24"
                continue
            if network.prefixlen == 0:
                yield path, f"{text} lets everybody in as this trunk", "name the carrier's own addresses"
            owner = owners.setdefault(str(network), trunk.id)
            if owner != trunk.id:
                yield path, f"{text} is an address of trunk {owner} already", "an address tells one trunk"


def dial_rules(installation: Installation) -> Iterator[Finding]:
    """Patterns can be compiled."""
    for index, rule in enumerate(installation.dial_rules):
        try:
            re.compile(rule.pattern)
        except re.error as error:
            yield (
                ("dial_rules", index, "pattern"),
                f"{rule.pattern!r} is no regular expression: {error}",
                "mind brackets and backslashes, and write the pattern in single quotes",
            )


def prompts(installation: Installation, folder: Path) -> Iterator[Finding]:
    """A prompt is a text or a clip, and clips are there in the form that rooms can play."""
    for name, prompt in installation.prompts.items():
        path: KeyPath = ("prompts", name)
        if (prompt.text is None) == (prompt.clip is None):
            yield path, "must be either a `text` or a `clip`", "write one of the two"
        if prompt.text is not None and not prompt.text.strip():
            yield (*path, "text"), "is empty: the caller would hear silence", "write what is to be said"
        if prompt.clip is not None:
            fault = _clip_fault(folder, prompt.clip)
            if fault:
                yield (*path, "clip"), *fault


def _clip_fault(folder: Path, clip: str) -> tuple[str, str] | None:
    file = (folder / clip).resolve()
    if not file.is_relative_to(folder.resolve()):
        return f"{clip} lies outside {folder}", "put the file into that folder"
    if not file.is_file():
        return f"there is no file {file}", "put the file there, or write a `text` in place of the clip"
    try:
        with wave.open(str(file), "rb") as audio:
            form = (audio.getframerate(), audio.getsampwidth() * 8, audio.getnchannels())
    except (wave.Error, EOFError, OSError) as error:
        return f"{file} can't be read as WAV ({error})", f"convert it: {_convert(file)}"
    if form != (8000, 16, 1):
        return f"{file} is {form[0]} Hz, {form[1]} bit, {form[2]} channel(s)", f"convert it: {_convert(file)}"
    return None


def _convert(file: Path) -> str:
    return f"sox {file.name} -r 8000 -b 16 -c 1 new.wav"


def retention(installation: Installation) -> Iterator[Finding]:
    """Centres with times of their own exist."""
    centres = {centre.id for centre in installation.centres}
    for name in installation.retention.centres:
        if name not in centres:
            yield ("retention", "centres", name), f"there is no centre {name}", suggestion(name, centres)


def classifier(installation: Installation) -> Iterator[Finding]:
    """Cities that allow or forbid learning are served by a centre."""
    cities = {centre.divisions[0][:4] + "00" for centre in installation.centres if centre.divisions}
    for code in installation.classifier.cities:
        if code not in cities:
            yield ("classifier", "cities", code), f"no centre serves the city {code}", suggestion(code, cities)


def limits(installation: Installation, rtp_ports: PortRange) -> Iterator[Finding]:
    """Figures that belong together fit."""
    limits = installation.limits
    if limits.rooms_for_110 >= limits.rooms:
        yield (
            ("limits", "rooms_for_110"),
            f"{limits.rooms_for_110} of {limits.rooms} rooms for 110 leave none for 12345",
            "lower `rooms_for_110` or raise `rooms`",
        )
    if limits.rooms_spare > limits.rooms:
        yield (
            ("limits", "rooms_spare"),
            f"{limits.rooms_spare} spare rooms are more than the {limits.rooms} there may be",
            "lower `rooms_spare`",
        )
    if limits.room_ports % 2:
        yield (
            ("limits", "room_ports"),
            f"{limits.room_ports} is odd, but RTP and RTCP go in pairs",
            f"write {limits.room_ports + 1}",
        )
    needed = limits.rooms * limits.room_ports
    if needed > len(rtp_ports):
        yield (
            ("limits", "rooms"),
            f"{limits.rooms} rooms of {limits.room_ports} ports need {needed} RTP ports, but HOTLINE_RTP_PORTS "
            f"{rtp_ports.low}-{rtp_ports.high} has {len(rtp_ports)}",
            "lower `rooms` or `room_ports`, or widen HOTLINE_RTP_PORTS",
        )
    transfers = installation.transfers
    if transfers.ring > transfers.attempt:
        yield (
            ("transfers", "ring"),
            f"a seat would ring {transfers.ring:g} s in an attempt of {transfers.attempt:g} s",
            "lower `ring` or raise `attempt`",
        )
