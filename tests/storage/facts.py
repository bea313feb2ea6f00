"""Events of invented calls."""

from __future__ import annotations

import itertools
from typing import Any

from telephony import contract

T0 = 1_790_000_000.0
_numbers = itertools.count(1)


def event(kind: type[contract.Event], call: str, **more: Any) -> Any:
    return kind(**{"id": f"event-{next(_numbers)}", "at": T0, "node": "n1", "call": call, **more})


def call(id: str, rev: int = 1, **more: Any) -> contract.CallChanged:
    base: dict[str, Any] = {"kind": "inbound", "centre": "110", "called": "110", "caller": "13900000001"}
    facts = contract.CallFacts(**{**base, "id": id, "rev": rev, "started_at": T0, **more})
    changed: contract.CallChanged = event(contract.CallChanged, id, facts=facts)
    return changed


def party(id: str, call: str, rev: int = 1, **more: Any) -> contract.PartyChanged:
    facts = contract.PartyFacts(**{"id": id, "call": call, "rev": rev, "role": "caller", "invited_at": T0, **more})
    changed: contract.PartyChanged = event(contract.PartyChanged, call, facts=facts)
    return changed


def transfer(id: str, call: str, rev: int = 1, **more: Any) -> contract.TransferChanged:
    base: dict[str, Any] = {"kind": "one-key", "by": "key", "asker": "p2", "started_at": T0}
    facts = contract.TransferFacts(**{**base, "id": id, "call": call, "rev": rev, **more})
    changed: contract.TransferChanged = event(contract.TransferChanged, call, facts=facts)
    return changed


def recording(id: str, call: str, **more: Any) -> contract.RecordingReady:
    base: dict[str, Any] = {"path": f"recordings/{id}.wav", "started_at": T0, "seconds": 12.5, "size": 200044}
    ready: contract.RecordingReady = event(contract.RecordingReady, call, recording=id, sha256="0" * 64, **{**base, **more})
    return ready
