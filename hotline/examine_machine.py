"""The doctor's checks of the machine itself: software, folders, limits, ports, clock."""

from __future__ import annotations

import ctypes
import datetime
import importlib.metadata
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import psutil
from cryptography import x509
from packaging.requirements import Requirement

from config import secrets as secret_store
from config.errors import ConfigError
from config.settings import Settings
from hotline import lock, ports, valkey
from hotline.doctor import Finding
from hotline.errors import CommandError

_DISTRIBUTION = "hotline-interconnect"
_LEAST_DISK = 200 << 20
_GOOD_DISK = 5 << 30
_TIME_ERROR = 5
_RELEASED = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)


def software() -> list[Finding]:
    """Python, its packages, and the programs beside it."""
    found = []
    found.append(Finding("python", "ok", ".".join(map(str, sys.version_info[:3]))))
    missing = []
    for text in importlib.metadata.requires(_DISTRIBUTION) or []:
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            importlib.metadata.version(needed.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(needed.name)
    if missing:
        found.append(Finding("packages", "fail", f"missing: {', '.join(missing)}", "run `make setup`"))
    else:
        found.append(Finding("packages", "ok", "all there"))
    try:
        answer = subprocess.run([str(valkey.binary()), "--version"], capture_output=True, text=True, timeout=20)
        words = re.search(r"v=(\S+)", answer.stdout)
        found.append(Finding("embedded Valkey", "ok", words[1] if words else answer.stdout.strip()))
    except (CommandError, OSError, subprocess.SubprocessError) as error:
        found.append(Finding("embedded Valkey", "warn", str(error), "set HOTLINE_REDIS_URL to a server of your own"))
    voice = shutil.which("espeak-ng")
    if voice:
        found.append(Finding("espeak-ng", "ok", voice))
    else:
        found.append(Finding("espeak-ng", "fail", "not installed: prompts can't be spoken", "apt-get install espeak-ng"))
    return found


def data_folder(settings: Settings) -> list[Finding]:
    """The data folder can be written by this user, and read by no other."""
    folder = settings.data_dir
    if not folder.exists():
        parent = next(parent for parent in folder.parents if parent.exists())
        if os.access(parent, os.W_OK):
            return [Finding("data folder", "ok", f"{folder} is made at the first start")]
        return [Finding("data folder", "fail", f"{folder} can't be made", f"let this user write to {parent}")]
    if not os.access(folder, os.W_OK | os.X_OK):
        return [Finding("data folder", "fail", f"{folder} can't be written", f"chown it to user id {os.geteuid()}")]
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        return [Finding("data folder", "warn", f"{folder} is open to others ({mode:o})", f"chmod 700 {folder}")]
    where = "" if settings.run_dir.parent == folder else f"; sockets are in {settings.run_dir} (the path is too long)"
    return [Finding("data folder", "ok", f"{folder}{where}")]


def secrets(settings: Settings) -> list[Finding]:
    """Seats have secrets, and those that production may use."""
    try:
        stored = secret_store.Secrets.stored(settings)
        stored.verify(settings)
    except ConfigError as error:
        return [Finding("secrets", "fail", p.what, p.remedy) for p in error.problems]
    without = sorted(set(settings.seats) - set(stored.seats_with_secret()))
    if without and not settings.production:
        return [Finding("secrets", "ok", f"{len(without)} demo passwords are made at the next start")]
    if without:
        detail = f"{len(without)} of {len(settings.seats)} seats have none and can't register"
        return [Finding("secrets", "warn", detail, f"hotline seats set-secret {without[0]} …")]
    return [Finding("secrets", "ok", f"all {len(settings.seats)} seats have one")]


def disk(settings: Settings) -> list[Finding]:
    """Room for recordings: an hour of a call takes 115 MB (two tracks of 8 kHz, 16 bit)."""
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    detail = f"{free / (1 << 30):.1f} GiB free, {free // (115 * 1000 * 1000)} hours of recordings"
    if free < _LEAST_DISK:
        return [Finding("disk", "fail", detail, f"free space on the disk of {folder}")]
    return [Finding("disk", "ok" if free >= _GOOD_DISK else "warn", detail, "" if free >= _GOOD_DISK else "free space")]


def open_files(settings: Settings) -> list[Finding]:
    """Descriptors of the telephony service: rooms' sockets and pipes, phones' TCP connections, and some more."""
    needed = 256 + 6 * settings.installation.limits.rooms + 2 * len(settings.seats)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    detail = f"{soft} (at most {hard}), about {needed} needed"
    if soft >= needed:
        return [Finding("open files", "ok", detail)]
    return [Finding("open files", "fail", detail, f"ulimit -n {max(4096, needed)}, or LimitNOFILE= of the service")]


def sip_ports(settings: Settings) -> list[Finding]:
    """Ports are free, or ours already."""
    running = lock.holder(settings.data_dir)
    ours: set[int] = set()
    if running is not None:
        try:
            ours = {running} | {child.pid for child in psutil.Process(running).children(recursive=True)}
        except psutil.Error:
            pass
    found = []
    for need in ports.needs(settings):
        fault = ports.fault(need)
        name = f"port {need.port}/{need.kind}"
        if fault is None:
            found.append(Finding(name, "ok", f"free on {need.host} ({need.name})"))
        elif ours and ports.holder_pid(need.port, need.kind) in ours:
            found.append(Finding(name, "ok", f"in use by this installation ({need.name})"))
        else:
            found.append(Finding(name, "fail", fault, f"end that program, or set {need.variable} to another port"))
    return found


def rtp_ports(settings: Settings) -> list[Finding]:
    """The audio ports are not the system's own, and nobody sits in them."""
    low, high = settings.rtp_ports
    try:
        ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        ephemeral = 32768
    if high >= ephemeral:
        detail = f"{low}-{high} reaches into the system's own range, which begins at {ephemeral}"
        return [Finding("RTP ports", "fail", detail, f"set HOTLINE_RTP_PORTS to end below {ephemeral}")]
    if lock.holder(settings.data_dir) is None:
        taken = {c.laddr.port for c in psutil.net_connections("udp") if c.laddr and low <= c.laddr.port <= high}
        if len(taken) > len(settings.rtp_ports) // 20:
            detail = f"{len(taken)} of {low}-{high} are taken by others"
            return [Finding("RTP ports", "warn", detail, "set HOTLINE_RTP_PORTS to a range of its own")]
    return [Finding("RTP ports", "ok", f"{low}-{high}, for {len(settings.rtp_ports) // 2} streams")]


def certificate(settings: Settings) -> list[Finding]:
    """The TLS certificate can be read and goes on for a while."""
    file = settings.tls_certificate
    if file is None or (not file.exists() and not settings.production):
        return []
    try:
        until = x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        return [Finding("TLS certificate", "fail", f"{file}: {error}", "set HOTLINE_TLS_CERTIFICATE to a PEM file")]
    left = (until - datetime.datetime.now(datetime.UTC)).days
    status, remedy = ("ok", "") if left > 30 else ("warn" if left >= 0 else "fail", "renew it")
    return [Finding("TLS certificate", status, f"good for {left} days", remedy)]  # type: ignore[arg-type]


def clock(settings: Settings) -> list[Finding]:
    """The clock is not far off, and something keeps it right (times of calls are evidence)."""
    now = datetime.datetime.now(datetime.UTC)
    if now < _RELEASED:
        return [Finding("clock", "fail", f"it says {now:%Y-%m-%d}, which is past", "set it, and start chrony or ntpd")]
    timex = ctypes.create_string_buffer(512)
    state = ctypes.CDLL(None, use_errno=True).adjtimex(timex)
    if state == _TIME_ERROR:
        return [Finding("clock", "warn", "nothing keeps it right", "start chrony, ntpd or systemd-timesyncd")]
    return [Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC")]
