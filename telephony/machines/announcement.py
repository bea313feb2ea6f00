"""A short call that only tells something: the confirmation of a dialled feature key, or why a number can't be had."""

from __future__ import annotations

from telephony import contract
from telephony.machines import effects, inputs, records, scene
from telephony.speech import pieces


class AnnouncementMachine:
    """Answer one incoming leg, say something, hang up. Leaves no facts."""

    def __init__(self, call: records.Call, leg: str, speech: pieces.Speech) -> None:
        self.call = call
        self._leg = leg
        call.parties[leg] = records.Party(id=leg, role="operator", incoming=True, invited_at=call.started_at)
        call.parties[leg].says = [records.Say(f"{call.id}.p1", speech, "end")]

    @property
    def over(self) -> bool:
        return self.call.stage == "ended"

    def scene(self) -> effects.Scene:
        return scene.derive(self.call)

    def handle(self, given: inputs.AnyInput, now: float) -> list[effects.Effect]:
        party = self.call.parties[self._leg]
        match given:
            case inputs.Asked(command=command):
                return self._asked(party, command)
            case inputs.Arrived() if self.call.stage != "arriving":
                return [effects.HangUp(self._leg, 480)]
            case inputs.Arrived():
                return [effects.Answer(self._leg)]
            case inputs.Up() if party.state == "invited":
                party.state = "up"
            case inputs.Heard(play=play) if party.says and party.says[0].id == play:
                return self._end(party)
            case inputs.Gone() | inputs.RoomLost() | inputs.Due() if not self.over:
                party.state = "gone"
                self.call.stage = "ended"
                self.call.ended_at = now
            case _:
                pass
        return []

    def _asked(self, party: records.Party, command: contract.AnyCommand) -> list[effects.Effect]:
        if not isinstance(command, contract.HangUpCall):
            return [effects.Reply(command.id, False, "call.announcement", "an announcement can only be hung up")]
        if self.call.stage != "arriving":
            return [effects.Reply(command.id, False, "call.over", "the call is over")]
        return [effects.Reply(command.id, True), *self._end(party)]

    def _end(self, party: records.Party) -> list[effects.Effect]:
        self.call.stage = "ending"
        party.says.clear()
        party.leaving = True
        return [effects.HangUp(self._leg), effects.Timer("linger", 5)]
