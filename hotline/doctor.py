"""``hotline doctor``: checks the machine, the servers and the configuration, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table

from config.errors import ConfigError
from config.settings import Settings, load

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


Check = Callable[[Settings], list[Finding]]


def examine(env: Mapping[str, str]) -> list[Finding]:
    """All findings; a configuration that can't be read leaves the checks of the machine."""
    from hotline import emergencies, examine_machine, examine_servers

    findings = examine_machine.software()
    try:
        settings = load(env=env)
    except ConfigError as error:
        return findings + [Finding("configuration", "fail", f"{p}".split(" — ")[0], p.remedy) for p in error.problems]
    findings.append(Finding("configuration", "ok", f"{settings.config_dir} ({settings.env})"))
    findings += [Finding("configuration", "warn", warning) for warning in settings.warnings]
    findings += [Finding("emergencies", "fail", f"{p}".split(" — ")[0], p.remedy) for p in emergencies.problems(settings)]
    checks: list[Check] = [
        examine_machine.data_folder,
        examine_machine.secrets,
        examine_machine.disk,
        examine_machine.open_files,
        examine_machine.sip_ports,
        examine_machine.rtp_ports,
        examine_machine.certificate,
        examine_machine.clock,
        examine_servers.redis,
        examine_servers.database,
    ]
    for check in checks:
        findings += check(settings)
    return findings


def run(env: Mapping[str, str], *, as_json: bool) -> int:
    """Print what is found; returns 1 if anything fails."""
    findings = examine(env)
    failed = any(finding.status == "fail" for finding in findings)
    if as_json:
        print(json.dumps({"ok": not failed, "checks": [asdict(finding) for finding in findings]}, ensure_ascii=False))
        return int(failed)
    table = Table(show_edge=False)
    for heading in ("", "check", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    marks = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[red]FAIL[/]"}
    for finding in findings:
        table.add_row(marks[finding.status], finding.name, _plain(finding.detail), _plain(finding.remedy))
    Console().print(table)
    return int(failed)


def _plain(words: str) -> str:
    return words.replace("[", r"\[")
