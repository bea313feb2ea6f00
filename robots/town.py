"""A whole installation for tests, the demo and the bench: ``hotline up`` on free ports, and robot phones around it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ruamel.yaml import YAML

from robots import ear, tones
from robots.handset import Behaviour, Phone

SECRET = "robots-only-secret"
CONFIG = Path(__file__).resolve().parent.parent / "config"

Edit = Callable[[dict[str, Any]], None]
"""Changes the merged configuration in place."""


class TownError(RuntimeError):
    """The installation did not start, or a command of it failed."""


def free_port() -> int:
    """A port on loopback that nobody has at the moment, neither by UDP nor by TCP.

    It lies below those that the system gives to connections (ephemeral ones) and below our RTP ports: nobody comes by it while
    the one it is for is still starting.
    """
    while True:
        port = random.randrange(10240, 16384)
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port


class Town:
    """One installation in ``folder``. ``edit`` changes the shipped configuration, ``variables`` the environment."""

    def __init__(
        self,
        folder: Path,
        *,
        edit: Edit | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.tapes = folder / "tapes"
        self.data = folder / "data"
        self.outside_port = free_port()
        self.phones: list[Phone] = []
        self.names: dict[int, str] = {}
        self.summary: dict[str, Any] = {}
        self.log = folder / "hotline.log"
        self.tapes.mkdir(parents=True, exist_ok=True)
        self._write_config(edit)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")} | {
            "HOTLINE_CONFIG_DIR": str(folder / "config"),
            "HOTLINE_DATA_DIR": str(self.data),
            "HOTLINE_DEMO_PASSWORD": SECRET,
            "HOTLINE_SIP_PORT": "0",
            "HOTLINE_SIP_TLS_PORT": "0",
            "HOTLINE_TRUNK_PORT": "0",
            "HOTLINE_HTTP_PORT": "0",
            **(variables or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def _write_config(self, edit: Edit | None) -> None:
        """The shipped configuration with the trunk leading to our own outside phones."""
        target = self.folder / "config"
        target.mkdir(exist_ok=True)
        yaml = YAML(typ="safe")
        merged: dict[str, Any] = {}
        for path in sorted(CONFIG.glob("*.yaml")):
            merged |= yaml.load(path) or {}
        for trunk in merged["trunks"]:
            trunk["port"] = self.outside_port
        if edit is not None:
            edit(merged)
        for key, value in merged.items():
            with (target / f"{key}.yaml").open("w", encoding="utf-8") as file:
                yaml.dump({key: value}, file)
        for name in ("prompts", "catalog", "plans", "linkage", "drills"):
            if (CONFIG / name).is_dir():
                shutil.copytree(CONFIG / name, target / name, dirs_exist_ok=True)

    # --- life

    def start(self, patience: float = 90) -> Self:
        """Start everything and wait until calls can come. Raise :class:`TownError` with the end of the log."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hotline", "up", "--json"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        late = threading.Timer(patience, self._process.kill)
        late.start()
        line = self._process.stdout.readline()
        late.cancel()
        if not line:
            self._process.wait()
            raise TownError(f"hotline up ended with {self._process.returncode}:\n{self.last_words()}")
        self.summary = json.loads(line)
        return self

    def close(self) -> float:
        """End phones and installation; returns the seconds that ``hotline up`` took to end."""
        for phone in self.phones:
            phone.close()
        self.phones.clear()
        return self.stop()

    def stop(self) -> float:
        """End the installation only, whatever its phones do; :meth:`start` starts it again on the same data. Returns the seconds
        that ``hotline up`` took to end."""
        began = time.monotonic()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise TownError(f"hotline up did not end within 20 s:\n{self.last_words()}") from None
            finally:
                if self._process.stdout is not None:
                    self._process.stdout.close()
                self._process = None
        return time.monotonic() - began

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def last_words(self, lines: int = 40) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    @property
    def pid(self) -> int:
        """Process id of ``hotline up``."""
        assert self._process is not None
        return self._process.pid

    # --- places

    @property
    def _ports(self) -> dict[str, int]:
        ports: dict[str, int] = self.summary["services"]["telephony"]["ports"]
        return ports

    @property
    def registrar(self) -> tuple[str, int]:
        return ("127.0.0.1", self._ports["seats"])

    @property
    def tls_port(self) -> int:
        return self._ports["tls"]

    @property
    def trunk_port(self) -> int:
        return self._ports["trunks"]

    def number(self, number: str) -> str:
        """Where the public network dials a number."""
        return f"sip:{number}@127.0.0.1:{self.trunk_port}"

    # --- phones

    def _phone(self, user: str, name: str, **settings: Any) -> Phone:
        tone = tones.TONES[len(self.phones) % len(tones.TONES)]
        settings.setdefault("tone", tone)
        settings.setdefault("name", name)
        self.names[settings["tone"]] = name
        phone = Phone(user, folder=self.tapes, **settings)
        self.phones.append(phone)
        return phone

    def citizen(self, number: str, **settings: Any) -> Phone:
        """A caller from the public network; can be rung back at the trunk only by :meth:`outside`."""
        return self._phone(number, settings.pop("name", f"citizen {number}"), **settings)

    def outside(self, **settings: Any) -> Phone:
        """The public network beyond the trunk: answers for any number that we dial."""
        name = settings.pop("name", "outside")
        return self._phone(settings.pop("user", "outside"), name, listen_port=self.outside_port, **settings)

    def seat(self, seat: str, behaviour: Behaviour | None = None, **settings: Any) -> Phone:
        """A phone that registers as a seat."""
        settings.setdefault("registrar", self.registrar)
        secret = settings.pop("secret", SECRET)
        return self._phone(seat, settings.pop("name", seat), secret=secret, behaviour=behaviour, **settings)

    def everybody_ready(self) -> None:
        """All phones are up, and the seats registered."""
        for phone in self.phones:
            phone.ready()
        for phone in self.phones:
            if phone.registers and not phone.seen("registered"):
                phone.registered()

    def tones(self) -> dict[float, str]:
        return {float(hz): name for hz, name in self.names.items()}

    def heard(self, phone: Phone, call: int = 1) -> list[tuple[float, float, str]]:
        """What a phone's ear heard in its ``call``-th call."""
        return ear.timeline(phone.finished_tape(call), self.tones())

    # --- the command line

    def hotline(self, *arguments: str, ok: bool = True) -> str:
        """Run ``hotline …`` on this installation; returns its output. ``ok`` False: it must fail, returns the error."""
        done = subprocess.run(
            [sys.executable, "-m", "hotline", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if (done.returncode == 0) != ok:
            raise TownError(f"hotline {' '.join(arguments)} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout if ok else done.stderr + done.stdout

    def calls(self, *arguments: str) -> Any:
        """Output of ``hotline calls … --json``."""
        return json.loads(self.hotline("calls", *arguments, "--json"))

    def until(self, look: Callable[[], Any], what: str, patience: float = 20) -> Any:
        """Ask again until ``look`` gives something true: for what the worker stores a moment later."""
        end = time.monotonic() + patience
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > end:
                raise TownError(f"waited {patience} s in vain for {what}\n{self.last_words(15)}")
            time.sleep(0.1)
