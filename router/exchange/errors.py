"""Why a message is refused. Each code is documented in docs/exchange.md."""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import CaseworkError
from router.exchange import words
from router.exchange.validate import Problem


class Refused(CaseworkError):
    """Base: the message can't be taken."""

    code = "exchange.refused"
    status = 422


class InvalidMessage(Refused):
    """The document is not of the format; ``facts["problems"]`` names every member that is wrong."""

    code = "exchange.invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        told = [one.as_dict() for one in problems[:100]]
        super().__init__(words.INVALID.format(count=len(problems)), words.INVALID_REMEDY, problems=told)


class NotAPeer(Refused):
    """The account speaks for no peer that is active."""

    code = "exchange.not_a_peer"
    status = 403


class WrongAddress(Refused):
    """Sender, receiver or the case's system are not who they say."""

    code = "exchange.wrong_address"
    status = 403


class Changed(Refused):
    """A message of this id was received with another content, or another one with its sequence."""

    code = "exchange.conflict"
    status = 409


class UnknownCase(Refused):
    """The message is about a case, handoff or supervision order that was never told of."""

    code = "exchange.unknown"
    status = 404


class KnownHandoff(Refused):
    """A second offer under the number of an earlier one."""

    code = "exchange.handoff_known"
    status = 409


class DrillRefused(Refused):
    """Drills are kept apart from real matters."""

    code = "exchange.drill"
