"""The exchange of one installation: its parts, made from the settings, for the worker and the HTTP service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from router.casework import town
from router.casework.work import Town
from router.exchange import incoming, outgoing, poll, shared
from router.exchange.fetch import Fetcher
from router.exchange.incoming import Local
from router.exchange.outgoing import Outgoing, Sender
from router.exchange.peers import Rules
from router.exchange.services import Services
from router.journal.sending import Sender as AnySender
from router.timers.runner import Handle

if TYPE_CHECKING:
    from config.settings import Settings
    from router.jobs import Parts

PATH = "/api/v1/exchange"
"""Where peers find us on our HTTP service."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the exchange is made of."""

    local: Local
    town: Town
    url: str | None
    """Where peers reach us from outside, ending in :data:`PATH`; None: not told."""
    development: bool

    @property
    def services(self) -> Services:
        return Services(self.town)

    @property
    def rules(self) -> Rules:
        centres = {one.id: one.side for one in self.town.desks.values()}
        return Rules(self.local.system, centres, self.development)

    def outgoing(self) -> Outgoing:
        return Outgoing(self.local.system, self.town.attachments, self.url)

    def senders(self) -> dict[str, Callable[[Parts], AnySender]]:
        return {
            outgoing.KIND: lambda parts: Sender(parts.database, shared.Pool(self.local.system)),
            incoming.FILE: lambda parts: Fetcher(parts.database, self.services),
        }

    def handlers(self) -> dict[str, Handle]:
        return poll.handlers(self.local, self.services)

    def poller(self, parts: Parts) -> poll.Poller:
        pool = shared.Pool(self.local.system)
        return poll.Poller(parts.database, parts.owner, pool, self.local, self.services)


def of(settings: Settings) -> Exchange:
    """The exchange of an installation."""
    here = town.of(settings)
    local = Local(settings.installation.exchange.system, frozenset(here.desks))
    url = f"{settings.public_url}{PATH}" if settings.public_url else None
    return Exchange(local, here, url, development=not settings.production)
