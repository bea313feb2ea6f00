"""What an installation is made of: centres, numbers, queues, seats, trunks, dial rules, prompts, limits.

Every model forbids unknown keys, so that a slip of the pen is an error and not a silent default. Times are seconds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Dialled = Annotated[str, Field(pattern=r"^\+?[0-9*#]{1,20}$")]
Seconds = Annotated[float, Field(ge=0, le=86400)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(Model):
    """One skill step of a queue: these groups of seats may be rung, ``wait`` seconds alone before the next joins."""

    groups: Annotated[list[Id], Field(min_length=1)]
    wait: Seconds = 10


class QueueRules(Model):
    """How calls wait at a centre (队列)."""

    direct: Annotated[list[Step], Field(min_length=1)]
    """Steps for callers who dialled the centre."""
    transfer: Annotated[list[Step], Field(min_length=1)]
    """Steps for calls that are handed over: linkage seats (专席) first, then the ordinary ones."""
    greeting: Id
    """Prompt at queue entry, with the recording notice."""
    ring: Seconds = 10
    """A seat rings this long for a direct call."""
    unreachable: Seconds = 2
    """No provisional answer within this time: the seat counts as unreachable."""
    position_every: Seconds = 20
    """The spoken position is repeated this often; 0: never."""
    max_wait: Seconds = 600
    """After this the call overflows."""
    overflow_to: Id | None = None
    """Another centre, once; or none: the caller hears the ``overflow`` prompt and waits on, for no caller is dropped."""
    overflow: Id = "waiting"
    no_seats: Id = "no_seats"
    """Prompt while no seat is signed in at all."""


class Centre(Model):
    """A place that answers: 12345, or one of the 110 desks of a city."""

    id: Id
    kind: Literal["12345", "110"]
    name: str
    numbers: Annotated[list[Dialled], Field(min_length=1)]
    divisions: list[Annotated[str, Field(pattern=r"^[0-9]{6,12}$")]] = []
    """Division codes (GB/T 2260) whose matters are this centre's."""
    default: bool = False
    """Takes what no other centre of its kind takes."""
    tag: str
    """Spoken to the one who receives a transfer from here, e.g. 12345 转接."""
    queue: QueueRules


class Outside(Model):
    """A line that is reached through a trunk: 119, 120, 122 and the like."""

    id: Id
    name: str
    number: Dialled
    trunk: Id


class Seat(Model):
    """A SIP user at a desk (座席)."""

    id: Annotated[str, Field(pattern=r"^[0-9]{3,8}$")]
    centre: Id | None = None
    """None for duty posts, which answer pages and consultations only."""
    groups: list[Id] = []
    role: Literal["operator", "police", "duty", "supervisor"]
    name: str = ""
    skill_priority: Annotated[int, Field(ge=0, le=9)] = 0
    """Among free seats of one step a lower figure is rung first; equals go by longest idle."""
    wrap_up: Seconds = 10
    available_on_register: bool = True


class Trunk(Model):
    """A way to the public network, known by its addresses."""

    id: Id
    addresses: Annotated[list[str], Field(min_length=1)]
    """Networks that the trunk's signalling comes from (CIDR or single addresses)."""
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    identity: bool = False
    """P-Asserted-Identity of this trunk is believed."""
    max_calls: Annotated[int, Field(ge=1)] = 1000
    country: str = "86"


class DialRule(Model):
    """What a seat may dial beyond services, seats and feature keys. First match wins."""

    pattern: str
    """A regular expression for the whole dialled string."""
    trunk: Id | None
    """None: forbidden (403)."""
    roles: list[Literal["operator", "police", "duty", "supervisor"]] = ["operator", "police", "supervisor"]


class Prompt(Model):
    """A prompt is text (for the synthesiser) or a clip (a WAV file, 8 kHz 16 bit mono, under the prompts folder)."""

    text: str | None = None
    clip: str | None = None


class Voice(Model):
    """How texts are spoken (语音合成), and the hold music."""

    command: list[str] | None = None
    """A synthesiser that reads text on its standard input and writes a PCM WAV file, with its arguments; ``{wav}`` stands for
    that file. None: espeak-ng."""
    reads: Literal["pinyin", "text"] = "pinyin"
    """What the command is fed: pinyin with tone numbers, or Chinese characters."""
    readings: dict[str, Annotated[str, Field(pattern=r"^[a-z]{1,6}[1-5]( [a-z]{1,6}[1-5])*$")]] = {}
    """Words that would be read wrongly, such as names of places: ``番禺: pan1 yu2``."""
    limit: Annotated[float, Field(gt=0, le=600)] = 60
    """Seconds that the command may take for one text."""
    music: str | None = None
    """A city's own hold music: a clip under the prompts folder."""

    @field_validator("command")
    @classmethod
    def _writes_somewhere(cls, value: list[str] | None) -> list[str] | None:
        if value is not None and (len(value) < 2 or not any("{wav}" in part for part in value[1:])):
            raise ValueError("must be a program and its arguments, one of them with {wav}, the file to be written")
        return value


class TransferRules(Model):
    ring: Seconds = 15
    """A seat rings this long for a transfer."""
    attempt: Seconds = 30
    """The whole attempt; then back to the asker."""
    position_every: Seconds = 15


class Limits(Model):
    rooms: Annotated[int, Field(ge=1, le=2000)] = 60
    """Rooms at most, which is calls at most."""
    rooms_spare: Annotated[int, Field(ge=1)] = 4
    """Ready rooms kept ahead of need."""
    rooms_for_110: Annotated[int, Field(ge=0)] = 4
    """Rooms that only calls to 110 may take."""
    room_calls: Annotated[int, Field(ge=1)] = 500
    """A room is recycled after so many calls."""
    room_memory_mb: Annotated[int, Field(ge=20)] = 120
    """A room is recycled when its memory passes this."""
    room_ports: Annotated[int, Field(ge=8)] = 64
    """RTP port numbers a room owns at a time."""
    port_rest: Seconds = 30
    pages: Annotated[int, Field(ge=1)] = 20
    """Pages in flight at a time."""
    room_wait_110: Seconds = 3
    """A call to 110 waits this long for a room, then 503."""
    recording: bool = True
    message_bytes: int = 65535
    requests_per_second: int = 50
    """Of one unauthenticated source."""
    failures_to_ban: int = 8
    ban_seconds: Seconds = 300
    http_account_per_minute: Annotated[int, Field(ge=1)] = 6000
    """HTTP requests of one account."""
    http_address_per_minute: Annotated[int, Field(ge=1)] = 30000
    """HTTP requests of one address; a whole centre may sit behind one."""


Days = Annotated[int, Field(ge=30, le=36500)]
"""At least a month: a slip of the pen must not erase what is needed tomorrow."""


class CentreRetention(Model):
    """How long one centre's matters are kept, where it differs (保存期限)."""

    cases: Days | None = None
    recordings: Days | None = None


class Retention(Model):
    """How long matters and recordings are kept, in days; None: for ever. A legal hold on a case goes before it."""

    cases: Days | None = None
    """After a case was closed its personal data, words, files and journal are erased; the bare facts stay for statistics."""
    recordings: Days | None = None
    """After its start a recording is deleted, unless a case that is open or held has it."""
    centres: dict[Id, CentreRetention] = {}


class CityLearning(Model):
    """What one city allows, where it differs."""

    learn_from_overrules: bool


class Classifier(Model):
    """What the judging of texts may learn from."""

    learn_from_overrules: bool = False
    """Decisions that people overruled (人工改判) may leave as labelled examples, masked; nothing leaves before somebody asks."""
    cities: dict[Annotated[str, Field(pattern=r"^[0-9]{4}00$")], CityLearning] = {}
    """By the division code of the city (州市)."""

    def learns(self, city: str) -> bool:
        """Whether a city has agreed that its decisions are learnt from."""
        return self.cities[city].learn_from_overrules if city in self.cities else self.learn_from_overrules


class Exchange(Model):
    """How systems of other makers know this installation (对接)."""

    system: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")] = "hotline"
    """Its name among systems; agreed with the others, and never changed afterwards."""


class SmsSuccess(Model):
    """How the answer of a gateway says that it has taken a message."""

    statuses: list[Annotated[int, Field(ge=200, le=299)]] = []
    """HTTP statuses of success; none: every 2xx."""
    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$")] | None = None
    """Where in the answer's JSON ``value`` must stand: names and places, e.g. ``result.0.code``."""
    value: str | int | bool | None = None
    again: list[str | int] = []
    """Values at ``path`` that mean: busy, try it again."""


class SmsGateway(Model):
    """A gateway of text messages (短信网关) that is spoken to by HTTP with JSON."""

    url: str
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, str] = {}
    """With the placeholders ``{id}`` and ``{secret}``."""
    body: dict[str, JsonValue]
    """With the placeholders ``{number}``, ``{text}``, ``{id}``, ``{signature}`` and ``{secret}`` in its texts."""
    signature: str = ""
    """Name of the sender (短信签名), as the gateway knows it."""
    characters: Annotated[int, Field(ge=60, le=2000)] = 500
    """Longer messages are cut."""
    timeout: Annotated[float, Field(gt=0, le=10)] = 8
    """For a whole attempt."""
    success: SmsSuccess = SmsSuccess()


class Linkage(Model):
    """How duty posts are reached in an emergency (应急联动)."""

    ring: Annotated[float, Field(ge=3, le=120)] = 30
    """A telephone rings so long before the next number is tried."""
    repeats: Annotated[int, Field(ge=0, le=10)] = 2
    """The speech is repeated so often while no key comes."""
    sms: SmsGateway | None = None
    """None: no text messages."""
    wait_most: Annotated[int, Field(ge=0, le=10000)] = 10
    """More callers than this wait at a centre: seats from elsewhere are proposed (异地座席支援)."""
    longest_wait: Seconds = 120
    """The same when a caller has waited longer."""
    abandoned_share: Annotated[float, Field(ge=0, le=1)] = 0.15
    """The same when a larger share of the callers of the last 15 minutes hung up before anybody answered."""


class Installation(Model):
    """All of ``config/*.yaml`` as one; keys are spread over the files as they please."""

    city: str
    centres: list[Centre]
    outside: list[Outside] = []
    seats: list[Seat]
    trunks: list[Trunk] = []
    dial_rules: list[DialRule] = []
    prompts: dict[Id, Prompt]
    voice: Voice = Voice()
    transfers: TransferRules = TransferRules()
    limits: Limits = Limits()
    pause_reasons: dict[Id, str] = {}
    retention: Retention = Retention()
    exchange: Exchange = Exchange()
    classifier: Classifier = Classifier()
    linkage: Linkage = Linkage()
