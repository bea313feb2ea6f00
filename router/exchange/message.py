"""The exchange format ``hotline-exchange/1`` as types: the one place that says what a message may hold.

The JSON Schema (:mod:`router.exchange.schema`) is drawn from these types, and :mod:`router.exchange.validate` checks documents
by it. Times are RFC 3339 with a zone; sizes are bytes. A member that is left out and one that is null mean the same.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

FORMAT: Literal["hotline-exchange/1"] = "hotline-exchange/1"
INLINE_BYTES = 20 * 1024 * 1024
"""An attachment in the message itself may be so large."""

Side = Literal["12345", "110"]
Urgency = Literal["normal", "urgent", "danger"]
RequestKind = Literal["consult", "help", "complaint", "report", "suggestion"]
Channel = Literal["phone", "web", "app", "sms", "mail", "other-hotline", "agency", "peer"]
Confidentiality = Literal["open", "caller", "stability"]
Service = Literal["110", "119", "120", "122", "utility"]
TicketState = Literal[
    "registered", "waiting", "dispatched", "signed", "handling", "paused", "returned", "feedback", "closed", "withdrawn"
]
OrderState = Literal["awaiting", "registered", "waiting", "dispatched", "signed", "arrived", "feedback", "closed", "withdrawn"]
OrderKind = Literal["dispatch", "assist", "inform", "complaint"]
Face = Literal["ticket", "order"]
Outcome = Literal["done", "explained", "guided", "unfounded", "false-alarm", "other"]

Moment = Annotated[dt.datetime, Meta(tz=True)]
System = Annotated[
    str,
    Meta(pattern="^[a-z0-9][a-z0-9.-]{0,62}$", description="Name of a system, agreed between the two.", examples=["kunming-110"]),
]
Centre = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="Centre of a system: 12345, or a 110 desk.",
        examples=["12345"],
    ),
]
MessageId = Annotated[
    str,
    Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$", description="Unique among the sender's messages, for ever."),
]
Number = Annotated[str, Meta(min_length=1, max_length=64, description="A number as its own system gives it.")]
Division = Annotated[
    str,
    Meta(
        pattern="^[0-9]{6}([0-9]{3}([0-9]{3})?)?$",
        description="Division code (行政区划代码, GB/T 2260): 6 digits, 9 for a township, 12 for a village.",
        examples=["530102"],
    ),
]
CreditCode = Annotated[
    str,
    Meta(
        pattern="^[0-9A-HJ-NPQRTUWXY]{18}$",
        description="Unified social credit code (统一社会信用代码, GB 32100-2015); its check character is checked.",
    ),
]
Text = Annotated[str, Meta(min_length=1, max_length=4000)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Record(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base: unknown members are errors, so that a slip of the pen is no silent loss."""


class Address(Record, kw_only=True, frozen=True):
    """Who sends, or who is meant."""

    system: System
    centre: Centre


class CaseKey(Record, kw_only=True, frozen=True):
    """The matter, named by the system that it came from: the same key in all messages of both sides."""

    system: System
    number: Number


class Unit(Record, kw_only=True, frozen=True):
    """An agency or police unit (承办单位)."""

    code: CreditCode
    name: Name


class Caller(Record, kw_only=True, frozen=True):
    """Who asked (诉求人). ``masked``: number and name are not whole, or left out on purpose."""

    number: Annotated[str, Meta(pattern="^[+]?[0-9*#-]{3,32}$")] | None = None
    name: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    masked: bool = False


class Place(Record, kw_only=True, frozen=True):
    """Where it is (事发地点). Coordinates are degrees of WGS 84, both or none."""

    text: Annotated[str, Meta(min_length=1, max_length=500)] | None = None
    division: Division | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None


class Item(Record, kw_only=True, frozen=True):
    """An entry of the sender's list (事项); the receiver maps the code, or goes by the name."""

    code: Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,32}$")]
    name: Name
    catalog: Annotated[str, Meta(max_length=64)] | None = None


class Danger(Record, kw_only=True, frozen=True):
    """Whether life or property is in danger (危及人身财产公共安全). Said by a person or the peer system, it sends police out."""

    flag: bool
    by: Literal["person", "peer", "classifier"] | None = None
    services: list[Service] = []


class Attachment(Record, kw_only=True, frozen=True):
    """A file (附件): its bytes in ``content`` (base64), or at ``url``; with neither it is told of and asked for by hand."""

    name: Annotated[str, Meta(pattern=r"^[^/\\\u0000-\u001f]{1,200}$")]
    type: Annotated[str, Meta(pattern="^[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}$")]
    size: Annotated[int, Meta(ge=0, le=1024**3)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    url: Annotated[str, Meta(pattern="^(https?://|/)[!-~]{1,1000}$")] | None = None
    content: Annotated[str, Meta(max_length=INLINE_BYTES // 3 * 4 + 8, pattern="^[A-Za-z0-9+/]*={0,2}$")] | None = None
    police_only: bool = False


class First(Record, kw_only=True, frozen=True):
    """The platform that first answered (首接平台)."""

    system: System
    centre: Centre
    at: Moment


class Matter(Record, kw_only=True, frozen=True):
    """What it is about: the same for ticket and order."""

    division: Division
    channel: Channel
    received_at: Moment
    first: First | None = None
    """Left out: the sender."""
    caller: Caller | None = None
    place: Place | None = None
    words: Annotated[str, Meta(max_length=20000)]
    """The caller's words, or what was written down of them; empty while a call is handed over and nothing is written yet."""
    item: Item | None = None
    request_kind: RequestKind | None = None
    urgency: Urgency
    danger: Danger
    confidentiality: Confidentiality = "open"
    asked: dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=1000)]] = {}
    """Elements that were asked already, so that nobody asks again: name to answer."""
    attachments: Annotated[list[Attachment], Meta(max_length=50)] = []


class Ticket(Record, kw_only=True, frozen=True):
    """State of a ticket (工单) at its own system."""

    number: Number
    state: TicketState
    agency: Unit | None = None
    item: Item | None = None
    created_at: Moment
    dispatched_at: Moment | None = None
    signed_at: Moment | None = None
    feedback_at: Moment | None = None
    closed_at: Moment | None = None
    matter: Matter | None = None
    """Needed when the receiver has not heard of the matter."""


class Order(Record, kw_only=True, frozen=True):
    """State of a police order (警单) at its own system. Nothing that is for police only."""

    number: Number
    state: OrderState
    kind: OrderKind
    police_class: Annotated[str, Meta(pattern="^[0-9A-Za-z.-]{1,32}$")]
    lead: Literal["110", "119", "120", "122"] = "110"
    services: list[Service] = []
    unit: Unit | None = None
    created_at: Moment
    dispatched_at: Moment | None = None
    signed_at: Moment | None = None
    arrived_at: Moment | None = None
    feedback_at: Moment | None = None
    closed_at: Moment | None = None
    matter: Matter | None = None


class Handoff(Record, kw_only=True, frozen=True):
    """The offer of a matter (转交). ``answer_by``: accepted or returned until then."""

    number: Number
    mode: Literal["call", "online", "agency"]
    reason: Text
    basis: Annotated[str, Meta(max_length=200)] | None = None
    offered_at: Moment
    answer_by: Moment | None = None
    matter: Matter
    ticket: Ticket | None = None
    order: Order | None = None


class Acceptance(Record, kw_only=True, frozen=True):
    """The offer is taken (签收). ``number``: of the ticket or order that the receiver opened."""

    handoff: Number
    accepted_at: Moment
    face: Face
    number: Number
    unit: Unit | None = None
    note: Text | None = None


class Return(Record, kw_only=True, frozen=True):
    """The offer is sent back (退回), with the reason. ``belongs``: whose it is in the receiver's opinion."""

    handoff: Number
    returned_at: Moment
    reason: Text
    belongs: Side | Literal["unclear", "neither"] | None = None


class Cancellation(Record, kw_only=True, frozen=True):
    """The offer is taken back by its sender before it was accepted (取消转交). Police who were sent stay sent."""

    handoff: Number
    cancelled_at: Moment
    reason: Text


class Opinion(Record, kw_only=True, frozen=True):
    """What a side says in the negotiation about whose the matter is (协商意见)."""

    handoff: Number
    at: Moment
    owner: Side
    text: Text


class Settlement(Record, kw_only=True, frozen=True):
    """How the negotiation ended (协商结论)."""

    handoff: Number
    settled_at: Moment
    owner: Side
    by_first_receiver: bool = False
    conclusion: Text


class Feedback(Record, kw_only=True, frozen=True):
    """What came of it (反馈). ``final``: the sender's part is done; without it the other side can't close."""

    face: Face
    number: Number
    handoff: Number | None = None
    at: Moment
    unit: Unit | None = None
    result: Annotated[str, Meta(min_length=1, max_length=8000)]
    outcome: Outcome | None = None
    resolution: Text | None = None
    """How a dispute was settled at its source (化解结果)."""
    satisfaction: Annotated[int, Meta(ge=1, le=5)] | None = None
    final: bool = True
    attachments: Annotated[list[Attachment], Meta(max_length=50)] = []


class Supervision(Record, kw_only=True, frozen=True):
    """A demand that needs an answer (督办)."""

    number: Number
    face: Face
    about: Number
    """Ticket or order of the receiver."""
    demand: Text
    issued_at: Moment
    answer_by: Moment | None = None


class Answer(Record, kw_only=True, frozen=True):
    """The answer to a supervision order (督办答复)."""

    number: Number
    answer: Text
    answered_at: Moment
    unit: Unit | None = None


class Envelope(
    msgspec.Struct,
    kw_only=True,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="kind",
    rename={"from_": "from"},
):
    """What every message has. ``sequence`` counts the sender's messages about one case to one receiver, from 1."""

    format: Literal["hotline-exchange/1"]
    id: MessageId
    sent_at: Moment
    from_: Address
    to: Address
    case: CaseKey
    sequence: Annotated[int, Meta(ge=1, le=10**9)]
    in_reply_to: MessageId | None = None
    drill: bool = False
    """A drill (演练): the receiver keeps it apart from real matters, or refuses it."""
    extra: dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=1000)]] = {}
    """A maker's own remarks: kept, never acted on."""


class HandoffMessage(Envelope, tag="handoff", kw_only=True, frozen=True):
    """转交"""

    body: Handoff


class AcceptanceMessage(Envelope, tag="acceptance", kw_only=True, frozen=True):
    """签收"""

    body: Acceptance


class ReturnMessage(Envelope, tag="return", kw_only=True, frozen=True):
    """退回"""

    body: Return


class CancellationMessage(Envelope, tag="cancellation", kw_only=True, frozen=True):
    """取消转交"""

    body: Cancellation


class OpinionMessage(Envelope, tag="opinion", kw_only=True, frozen=True):
    """协商意见"""

    body: Opinion


class SettlementMessage(Envelope, tag="settlement", kw_only=True, frozen=True):
    """协商结论"""

    body: Settlement


class TicketMessage(Envelope, tag="ticket", kw_only=True, frozen=True):
    """工单"""

    body: Ticket


class OrderMessage(Envelope, tag="order", kw_only=True, frozen=True):
    """警单"""

    body: Order


class FeedbackMessage(Envelope, tag="feedback", kw_only=True, frozen=True):
    """反馈"""

    body: Feedback


class SupervisionMessage(Envelope, tag="supervision", kw_only=True, frozen=True):
    """督办"""

    body: Supervision


class AnswerMessage(Envelope, tag="answer", kw_only=True, frozen=True):
    """督办答复"""

    body: Answer


Message = (
    HandoffMessage
    | AcceptanceMessage
    | ReturnMessage
    | CancellationMessage
    | OpinionMessage
    | SettlementMessage
    | TicketMessage
    | OrderMessage
    | FeedbackMessage
    | SupervisionMessage
    | AnswerMessage
)
KINDS: dict[str, type[Envelope]] = {
    "handoff": HandoffMessage,
    "acceptance": AcceptanceMessage,
    "return": ReturnMessage,
    "cancellation": CancellationMessage,
    "opinion": OpinionMessage,
    "settlement": SettlementMessage,
    "ticket": TicketMessage,
    "order": OrderMessage,
    "feedback": FeedbackMessage,
    "supervision": SupervisionMessage,
    "answer": AnswerMessage,
}


class Receipt(Record, kw_only=True, frozen=True):
    """What the receiver says to a message (回执)."""

    message: MessageId
    status: Literal["taken", "waiting", "repeated"]
    """``taken``; ``waiting`` for earlier messages of its case; ``repeated``: it was taken before."""
    at: Moment
    case: Number | None = None
    """The receiver's number of the case."""
    face: Number | None = None
    """The receiver's number of its ticket or order."""


_decoder = msgspec.json.Decoder(Message)


def decode(document: bytes | str) -> Message:
    """Read a message that has been validated; raise :class:`msgspec.ValidationError` for the first thing wrong."""
    found: Message = _decoder.decode(document)
    return found


def convert(document: Any) -> Message:
    """The same for parsed JSON."""
    found: Message = msgspec.convert(document, Message)
    return found


def encode(message: Envelope | Record) -> bytes:
    return msgspec.json.encode(message)


def plain(message: Envelope | Record) -> dict[str, Any]:
    """Parsed JSON of a message or receipt."""
    found: dict[str, Any] = msgspec.to_builtins(message)
    return found
