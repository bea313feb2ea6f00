"""Who hears whom, and what is played to whom: derived from a call's record alone."""

from __future__ import annotations

from telephony.machines import effects, records

MUSIC = "music"
RINGBACK = "ringback"


def derive(call: records.Call) -> effects.Scene:
    hears = hearing(call)
    return effects.Scene(
        hears=hears,
        plays=playing(call, hears),
        tape=call.tape,
        tape_caller=tuple(p.id for p in call.parties.values() if p.up and _on_callers_track(call, p)),
        tape_staff=tuple(
            p.id
            for p in call.parties.values()
            if p.up and not _on_callers_track(call, p) and (not p.watching or p.mode == "barge")
        ),
    )


def hearing(call: records.Call) -> dict[str, tuple[str, ...]]:
    """The matrix: each listener with those it hears. Everyone who takes part hears everyone else who does; who is on hold or
    being briefed is apart; supervisors hear all and are heard as their mode says."""
    talkers = [p for p in call.parties.values() if p.up and p.joined and not p.held and not p.phone_held]
    hears = {}
    for listener in talkers:
        heard = tuple(q.id for q in talkers if q is not listener and not q.muted and not q.stalled and _audible(q, listener))
        if heard:
            hears[listener.id] = heard
    return hears


def _audible(speaker: records.Party, listener: records.Party) -> bool:
    if not speaker.watching or speaker.mode == "barge":
        return True
    return speaker.mode == "whisper" and listener.id == speaker.beside


def playing(call: records.Call, hears: dict[str, tuple[str, ...]]) -> dict[str, effects.Playing]:
    """A prompt that is due, else music or ringback for whoever would hear nobody."""
    plays = {}
    ringing = any(_rings(p) for p in call.parties.values())
    for party in call.parties.values():
        if not party.up or party.phone_held:
            continue
        if party.says:
            say = party.says[0]
            plays[party.id] = effects.Playing(say.id, say.speech)
        elif not _hears_a_person(call, party, hears):
            loop = RINGBACK if ringing and party.role != "caller" and not party.held else MUSIC
            plays[party.id] = effects.Playing(f"{party.id}.{loop}", (), loop)
    return plays


def _hears_a_person(call: records.Call, party: records.Party, hears: dict[str, tuple[str, ...]]) -> bool:
    return any(not call.parties[q].watching or call.parties[q].mode != "whisper" for q in hears.get(party.id, ()))


def _rings(party: records.Party) -> bool:
    """A phone that we call and that is to join the talk."""
    return party.state in ("invited", "ringing") and not party.incoming and not party.leaving and not party.watching


def _on_callers_track(call: records.Call, party: records.Party) -> bool:
    """The citizen; in a call among staff, whoever called."""
    if any(p.role == "caller" for p in call.parties.values()):
        return party.role == "caller"
    return party.incoming and not party.watching
