"""A short call that only tells something: the confirmation of a dialled feature key, or why a number can't be had."""

from __future__ import annotations

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
            case inputs.Arrived():
                return [effects.Answer(self._leg)]
            case inputs.Up():
                party.state = "up"
            case inputs.Heard():
                party.says.clear()
                party.leaving = True
                return [effects.HangUp(self._leg), effects.Timer("linger", 5)]
            case inputs.Gone() | inputs.RoomLost() | inputs.Due():
                party.state = "gone"
                self.call.stage = "ended"
                self.call.ended_at = now
            case inputs.Asked(command=command):
                return [effects.Reply(command.id, False, "call.over", "this is only an announcement")]
            case _:
                pass
        return []
