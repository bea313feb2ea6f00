"""The front door alone in a process, with a switchboard that puts every call into one room: for the door's own figures.

``python -m bench.door_process ROOM_PORT`` prints one JSON line with the ports and ends with its parent's SIGTERM.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from config.model import Centre, QueueRules, Seat, Step, Trunk
from telephony.edge.ports import IncomingCall, Place, ReferRequest
from telephony.edge.settings import DoorSettings

SECRET = b"a secret of the bench and of nobody else"
ROOM = "bench"


class OneRoom:
    """Implements ``telephony.edge.ports.Switchboard``."""

    async def admit(self, call: IncomingCall) -> Place:
        return Place(ROOM)

    def abandoned(self, leg: str) -> None:
        pass

    def refer(self, request: ReferRequest) -> int:
        return 481

    def seat_registered(self, seat: str, address: str) -> None:
        pass

    def seat_gone(self, seat: str, why: str) -> None:
        pass


def settings() -> DoorSettings:
    steps = [Step(groups=["all"])]
    rules = QueueRules(direct=steps, transfer=steps, greeting="hello")
    return DoorSettings(
        realm="bench.invalid",
        bind="127.0.0.1",
        advertise="127.0.0.1",
        seat_port=0,
        trunk_port=0,
        centres=(Centre(id="12345", kind="12345", name="12345", numbers=["12345"], tag="12345", queue=rules),),
        seats=(Seat(id="8001", centre="12345", role="operator"),),
        trunks=(Trunk(id="t", addresses=["127.0.0.0/8"], host="127.0.0.1", port=5999),),
    )


def main() -> int:
    from twisted.internet import asyncioreactor

    asyncioreactor.install()
    from twisted.internet import reactor as installed

    from telephony.edge.door import Door

    reactor: Any = installed
    door = Door(reactor, settings(), OneRoom(), lambda seat: None, SECRET)

    def begin() -> None:
        door.startService()
        door.open_room(ROOM, "127.0.0.1", int(sys.argv[1]))
        told = {"trunks": door.ports["trunks"], "rooms": door.ports["rooms"], "token": door.room_token(ROOM)}
        print(json.dumps(told), flush=True)

    reactor.callWhenRunning(begin)
    reactor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
