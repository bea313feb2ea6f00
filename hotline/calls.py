"""``hotline calls``: see calls and act on them from the command line; every command has ``--json`` for programs."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, cast

import typer

from hotline import calls_ask as ask
from hotline import calls_show as show
from hotline.errors import CommandError
from router import calls_client
from router.storage.call_records import CallFilter
from telephony import contract

app = typer.Typer(
    help="See calls and act on them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Call = Annotated[str, typer.Argument(metavar="CALL", help="Id of the call, as `hotline calls list` shows it.")]
Seat = Annotated[str, typer.Argument(metavar="SEAT", help="Id of the seat, e.g. 8001.")]
Helped = Annotated[str, typer.Argument(metavar="CENTRE", help="Id or number of the centre that is helped.")]
SeatOption = Annotated[str, typer.Option("--seat", metavar="SEAT", help="Seat of the supervisor.")]
Party = Annotated[str, typer.Argument(metavar="PARTY", help="Id of the party, its seat, or `caller`.")]
Within = Annotated[float, typer.Option(metavar="SECONDS", min=0.1, max=3600, help="Wait so long for the answer.")]
Off = Annotated[bool, typer.Option("--off", help="End it.")]
To = Annotated[
    str,
    typer.Option(metavar="TARGET", help="Centre or its number, seat:ID or line:ID; default: the other side's centre."),
]
Asker = Annotated[str, typer.Option(metavar="SEAT", help="Seat that asks, if several are in the call.")]
Case = Annotated[str, typer.Option(metavar="CASE", help="Id of the matter.")]
Dangerous = Annotated[bool, typer.Option("--dangerous", help="Danger: ranks with direct calls to 110.")]


# --- looking


@app.command("list")
def list_(
    since: Annotated[str, typer.Option(metavar="TIME", help="Started at or after: 2h, 08:30, 2026-05-01T08:00.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Started before.")] = "",
    centre: Annotated[str, typer.Option(metavar="CENTRE", help="Id of a centre, or 110 for all of that kind.")] = "",
    caller: Annotated[str, typer.Option(metavar="NUMBER", help="Number of the caller.")] = "",
    kind: Annotated[str, typer.Option(help="inbound, internal, callback, page or ringback.")] = "",
    case: Case = "",
    answered: Annotated[bool | None, typer.Option("--answered/--unanswered", help="By a person.")] = None,
    abandoned: Annotated[bool, typer.Option("--abandoned", help="Hung up before a person answered.")] = False,
    silent: Annotated[bool, typer.Option("--silent", help="Nothing to be heard from the caller.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Only calls in progress.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    page: Annotated[int, typer.Option(min=1)] = 1,
    as_json: Json = False,
) -> None:
    """List calls, the newest first; --abandoned and --silent together list either."""
    settings = ask.settings()
    if kind and kind not in ask.KINDS:
        raise CommandError(f"calls.bad_kind: there is no kind {kind!r}", f"choose one of {', '.join(ask.KINDS)}", 2)
    wanted = CallFilter(
        since=ask.moment(since),
        until=ask.moment(until),
        centres=ask.centres(settings, centre),
        caller=ask.number(caller) if caller else "",
        kind=cast(contract.CallKind, kind),
        case=case,
        answered=answered,
        abandoned=abandoned,
        silent=silent,
        ended=False if live else None,
    )
    found, warning = ask.run(ask.list_calls(settings, wanted, limit=limit, page=page))
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    if as_json:
        show.as_json(found)
    else:
        show.calls(settings, found)


@app.command("show")
def show_(call: Call, as_json: Json = False) -> None:
    """Show all that is known of a call: parties, transfers, recordings, keys."""
    settings = ask.settings()
    record, warning = ask.run(ask.show_call(settings, call))
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    if record is None:
        raise CommandError(f"calls.unknown: there is no call {call}", "`hotline calls list` shows their ids", 2)
    if as_json:
        show.as_json(record)
    else:
        show.call(settings, call, record)


@app.command()
def recording(
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of a recording, or of a call.")], as_json: Json = False
) -> None:
    """Print where a recording lies."""
    settings = ask.settings()
    found = ask.run(ask.recordings(settings, id))
    if not found:
        raise CommandError(
            f"calls.no_recording: there is no recording {id}, nor a call {id} with one",
            "a recording is listed when its call has ended: see `hotline calls show`",
            2,
        )
    places = [(one, settings.data_dir / one.path) for one in found]
    if as_json:
        show.as_json([{**show.plain(one), "file": str(file), "exists": file.is_file()} for one, file in places])
        return
    for _, file in places:
        print(file)
    gone = [str(file) for _, file in places if not file.is_file()]
    if gone:
        raise CommandError(
            f"calls.recording_gone: {gone[0]} is not there", "look on the node that carried the call, or in the archive"
        )


# --- acting


def _by() -> str:
    return f"cli:{getpass.getuser()}"


def _do(command: contract.AnyCommand, within: float, as_json: bool, done: str) -> None:
    """Give the command, print the answer; exit status 1 if it was refused."""
    settings = ask.settings()
    answer = _asked(lambda client: client.send(command, within=within), settings, as_json)
    _answered(answer, as_json, done)


def _asked(question: Callable[[calls_client.CallsClient], Awaitable[Any]], settings: Any, as_json: bool) -> Any:
    try:
        return ask.run(ask.with_client(settings, question))
    except calls_client.CallCoreError as error:
        if as_json:
            show.as_json({"ok": False, "code": error.code, "message": str(error)})
        raise CommandError(f"{error.code}: {error.what}", error.remedy) from error


def _answered(answer: contract.CommandDone, as_json: bool, done: str) -> None:
    if as_json:
        show.as_json(answer)
    if not answer.ok:
        remedy = "see the call with `hotline calls show`, and the seats with `hotline seats status`"
        raise CommandError(f"{answer.code or 'calls.refused'}: {answer.message or 'refused'}", remedy)
    if not as_json:
        more = ", ".join(f"{name} {value}" for name, value in answer.result.items())
        print(done + (f" ({more})" if more else ""))


def _new(record: type[contract.Command], /, **fields: Any) -> Any:
    return record(**{"id": calls_client.new_id(), "by": _by(), **fields})


@app.command()
def transfer(
    call: Call,
    to: To = "",
    kind: Annotated[str, typer.Option(help="one-key, blind, consult or three-way.")] = "",
    dangerous: Dangerous = False,
    asker: Asker = "",
    case: Case = "",
    within: Within = calls_client.ANSWER_SECONDS,
    as_json: Json = False,
) -> None:
    """Bring another party into a call; dangerous ones are always three-way."""
    kind = kind or ("three-way" if dangerous else "one-key")
    if kind not in ask.TRANSFERS:
        raise CommandError(f"calls.bad_kind: there is no transfer {kind!r}", f"choose one of {', '.join(ask.TRANSFERS)}", 2)
    settings = ask.settings()
    command = _new(
        contract.StartTransfer,
        call=call,
        kind=kind,
        target=ask.target(settings, to),
        asker=ask.seat(settings, asker) if asker else "",
        dangerous=dangerous,
        case=case,
    )
    _do(command, within, as_json, f"{kind} transfer of {call} started")


@app.command("three-way")
def three_way(
    call: Call,
    to: To = "",
    dangerous: Dangerous = False,
    asker: Asker = "",
    case: Case = "",
    within: Within = calls_client.ANSWER_SECONDS,
    as_json: Json = False,
) -> None:
    """Bring another party in and stay: all hear all."""
    transfer(call, to, "three-way", dangerous, asker, case, within, as_json)


@app.command()
def cancel(call: Call, within: Within = calls_client.ANSWER_SECONDS, as_json: Json = False) -> None:
    """Stop a transfer that is not settled."""
    _do(_new(contract.CancelTransfer, call=call), within, as_json, f"transfer of {call} cancelled")


@app.command()
def join(call: Call, within: Within = calls_client.ANSWER_SECONDS, as_json: Json = False) -> None:
    """Turn a consultation into a three-way call."""
    _do(_new(contract.JoinTransfer, call=call), within, as_json, f"{call} is a three-way call now")


@app.command("take-over")
def take_over(call: Call, seat: Seat, within: Within = calls_client.ANSWER_SECONDS, as_json: Json = False) -> None:
    """The receiver of a three-way transfer takes the matter; the asker leaves."""
    command = _new(contract.TakeOver, call=call, seat=ask.seat(ask.settings(), seat))
    _do(command, within, as_json, f"seat {seat} has taken {call} over")


@app.command()
def hangup(call: Call, within: Within = calls_client.ANSWER_SECONDS, as_json: Json = False) -> None:
    """End a call."""
    _do(_new(contract.HangUpCall, call=call), within, as_json, f"{call} ended")


@app.command()
def drop(call: Call, party: Party, within: Within = calls_client.ANSWER_SECONDS, as_json: Json = False) -> None:
    """Take one party out of a call."""
    command = _new(contract.DropParty, call=call, party=_party(call, party))
    _do(command, within, as_json, f"{party} dropped from {call}")


@app.command()
def mute(call: Call, party: Party, off: Off = False, within: Within = calls_client.ANSWER_SECONDS, as_json: Json = False) -> None:
    """Others do not hear this party."""
    command = _new(contract.MuteParty, call=call, party=_party(call, party), on=not off)
    _do(command, within, as_json, f"{party} {'heard again' if off else 'muted'} in {call}")


@app.command()
def hold(call: Call, party: Party, off: Off = False, within: Within = calls_client.ANSWER_SECONDS, as_json: Json = False) -> None:
    """This party hears music and is heard by nobody."""
    command = _new(contract.HoldParty, call=call, party=_party(call, party), on=not off)
    _do(command, within, as_json, f"{party} {'back' if off else 'on hold'} in {call}")


def _party(call: str, given: str) -> str:
    settings = ask.settings()
    return str(_asked(lambda client: ask.party(client, call, given), settings, as_json=False))


@app.command()
def listen(call: Call, seat: SeatOption, within: Within = calls_client.ANSWER_SECONDS, as_json: Json = False) -> None:
    """A supervisor hears the call, and is heard by nobody."""
    _supervise(call, seat, "listen", within, as_json)


@app.command()
def whisper(call: Call, seat: SeatOption, within: Within = calls_client.ANSWER_SECONDS, as_json: Json = False) -> None:
    """A supervisor hears the call, and is heard by the staff only."""
    _supervise(call, seat, "whisper", within, as_json)


@app.command()
def barge(call: Call, seat: SeatOption, within: Within = calls_client.ANSWER_SECONDS, as_json: Json = False) -> None:
    """A supervisor joins the call, heard by all."""
    _supervise(call, seat, "barge", within, as_json)


def _supervise(call: str, seat: str, mode: Literal["listen", "whisper", "barge"], within: float, as_json: bool) -> None:
    command = _new(contract.Supervise, call=call, seat=ask.seat(ask.settings(), seat), mode=mode)
    _do(command, within, as_json, f"seat {seat} is rung to {mode}")


@app.command()
def callback(
    seat: Seat,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Number of the citizen.")],
    case: Case = "",
    about: Annotated[str, typer.Option(metavar="CALL", help="The call that this one answers to.")] = "",
    within: Within = calls_client.ANSWER_SECONDS,
    as_json: Json = False,
) -> None:
    """Ring a seat, then the citizen."""
    settings = ask.settings()
    command = _new(contract.CallBack, seat=ask.seat(settings, seat), number=ask.number(number), case=case, about=about)
    _do(command, within, as_json, f"seat {seat} is rung, then the citizen")


@app.command()
def page(
    to: Annotated[str, typer.Argument(metavar="TO", help="Id of a seat, or a number.")],
    text: Annotated[str, typer.Option(help="What is spoken, in Chinese.")] = "",
    prompt: Annotated[str, typer.Option(metavar="ID", help="Prompt of the configuration.")] = "",
    ring: Annotated[float, typer.Option(metavar="SECONDS", min=1, max=300)] = 30,
    repeats: Annotated[int, typer.Option(min=1, max=20, help="Spoken so often without a key.")] = 2,
    urgent: Annotated[bool, typer.Option("--urgent", help="Before others that wait for a line.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended, and tell how.")] = False,
    wait_limit: Annotated[float, typer.Option(metavar="SECONDS", min=1, max=3600, help="Wait so long at most.")] = 300,
    within: Within = calls_client.ANSWER_SECONDS,
    as_json: Json = False,
) -> None:
    """Ring a number, speak, and collect a key: 1 accept, 2 refuse, 3 escalate, * repeat."""
    settings = ask.settings()
    speech = ask.speech(settings, text, prompt)
    command = _new(contract.Page, to=ask.number(to), speech=speech, ring=ring, repeats=repeats, urgent=urgent)
    if not wait:
        _do(command, within, as_json, f"page {command.id} to {to} is on its way")
        return
    answer, ended = _asked(lambda client: client.page(command, within=wait_limit, answer_within=within), settings, as_json)
    if ended is None:
        _answered(answer, as_json, "")
    elif as_json:
        show.as_json(ended)
    else:
        print(f"page to {ended.to}: {ended.outcome}" + (f" (key {ended.digit})" if ended.digit else ""))


@app.command("stop-page")
def stop_page(
    page: Annotated[str, typer.Argument(metavar="PAGE", help="Id of the page, as `hotline calls page` tells it.")],
    within: Within = calls_client.ANSWER_SECONDS,
    as_json: Json = False,
) -> None:
    """End a page, whether it waits for a line, rings or speaks."""
    _do(_new(contract.StopPage, page=page), within, as_json, f"page {page} stopped")


@app.command()
def pick(call: Call, seat: Seat, within: Within = calls_client.ANSWER_SECONDS, as_json: Json = False) -> None:
    """Give a waiting call to a seat out of turn."""
    command = _new(contract.PickWaiting, call=call, seat=ask.seat(ask.settings(), seat))
    _do(command, within, as_json, f"{call} goes to seat {seat}")


@app.command()
def seat(
    seat: Seat,
    status: Annotated[str, typer.Argument(help="available, paused or off.")],
    reason: Annotated[str, typer.Option(metavar="REASON", help="Why paused, one of the configuration.")] = "",
    within: Within = calls_client.ANSWER_SECONDS,
    as_json: Json = False,
) -> None:
    """Sign a seat in or out, pause it, or end its wrap-up (available)."""
    settings = ask.settings()
    if status not in ask.STATUSES:
        raise CommandError(f"calls.bad_status: {status!r} is no status to set", f"choose one of {', '.join(ask.STATUSES)}", 2)
    command = _new(
        contract.SetSeatStatus,
        seat=ask.seat(settings, seat),
        status=status,
        reason=ask.reason(settings, status, reason),
    )
    _do(command, within, as_json, f"seat {seat} is {status}")


@app.command()
def lend(
    seat: Seat,
    centre: Helped,
    group: Annotated[list[str], typer.Option(metavar="GROUP", help="Group of that centre's queue; may be given again.")],
    home: Annotated[str, typer.Option(metavar="PLACE", help="Where the seat is, e.g. a division code.")] = "",
    exclusive: Annotated[bool, typer.Option("--exclusive", help="Its own centre offers it nothing meanwhile.")] = False,
    within: Within = calls_client.ANSWER_SECONDS,
    as_json: Json = False,
) -> None:
    """Let a seat of another centre help: it is offered that centre's calls too, until `recall`."""
    settings = ask.settings()
    helped = ask.centre(settings, centre)
    command = _new(
        contract.JoinQueue,
        seat=ask.seat(settings, seat),
        centre=helped,
        groups=tuple(group),
        home=home,
        exclusive=exclusive,
    )
    _do(command, within, as_json, f"seat {seat} helps {helped}")


@app.command()
def recall(seat: Seat, centre: Helped, within: Within = calls_client.ANSWER_SECONDS, as_json: Json = False) -> None:
    """A seat helps a centre no more; the call that it has goes on."""
    settings = ask.settings()
    helped = ask.centre(settings, centre)
    command = _new(contract.LeaveQueue, seat=ask.seat(settings, seat), centre=helped)
    _do(command, within, as_json, f"seat {seat} helps {helped} no more")
