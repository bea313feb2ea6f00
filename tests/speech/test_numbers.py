"""Numbers are read the Chinese way: checked against an independent inverse and against readings that people know."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telephony.speech import numbers
from telephony.speech.pieces import Clip, Number, Piece, Text, speech

_VALUES = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_POWERS = {"十": 10, "百": 100, "千": 1000}


def value_of(reading: str) -> int:
    """The inverse: what a Chinese reader takes a cardinal for."""
    if reading.startswith("负"):
        return -value_of(reading[1:])
    for mark, power in (("亿", 10**8), ("万", 10**4)):
        before, found, after = reading.rpartition(mark)
        if found:
            return value_of(before) * power + (value_of(after) if after else 0)
    total, digit = 0, 0
    if reading.startswith("十"):
        digit = 1
    for character in reading:
        if character in _POWERS:
            total += digit * _POWERS[character]
            digit = 0
        else:
            digit = _VALUES[character]
    return total + digit


@given(st.integers(-numbers.LARGEST, numbers.LARGEST))
@example(numbers.LARGEST)
@example(10**12)
@example(10**12 + 10**4)
def test_a_reader_hears_the_number_that_was_meant(value: int) -> None:
    assert value_of(numbers.count(value)) == value
    assert value_of(numbers.amount(value)) == value


@given(st.integers(0, numbers.LARGEST))
def test_a_reading_never_repeats_a_zero_nor_ends_with_one(value: int) -> None:
    reading = numbers.count(value)
    assert "零零" not in reading
    assert reading == "零" or not reading.endswith("零")


@pytest.mark.parametrize(
    ("value", "reading"),
    [
        (0, "零"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (105, "一百零五"),
        (110, "一百一十"),
        (1001, "一千零一"),
        (1010, "一千零一十"),
        (10001, "一万零一"),
        (100_000, "十万"),
        (10_010_000, "一千零一万"),
        (200_020_002, "二亿零二万零二"),
        (-5, "负五"),
    ],
)
def test_cardinals(value: int, reading: str) -> None:
    assert numbers.count(value) == reading


@pytest.mark.parametrize(
    ("value", "reading"), [(2, "两"), (12, "十二"), (20, "二十"), (200, "两百"), (22_000, "两万二千"), (120_000, "十二万")]
)
def test_amounts_use_liang(value: int, reading: str) -> None:
    assert numbers.amount(value) == reading


@given(st.from_regex(r"[0-9]{1,32}", fullmatch=True))
def test_digits_are_read_one_by_one(row: str) -> None:
    reading = numbers.digits(row)
    assert "".join(str({"幺": 1}.get(c, _VALUES.get(c))) for c in reading) == row


def test_seat_numbers_are_read_as_on_the_telephone() -> None:
    assert numbers.digits(8001) == "八零零幺"
    assert numbers.digits("0110") == "零幺幺零"


@pytest.mark.parametrize("bad", ["", "12a", "-1", "１２", "1.5", "٣"])
def test_what_is_no_row_of_digits_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        numbers.digits(bad)


def test_a_number_too_large_to_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond"):
        numbers.count(numbers.LARGEST + 1)


def test_pieces_travel_and_come_back_the_same() -> None:
    said = speech("seat_prefix", Number(8001, "digits"), Text("为您服务"))
    assert said == (Clip("seat_prefix"), Number("8001", "digits"), Text("为您服务"))
    assert msgspec.json.decode(msgspec.json.encode(said), type=tuple[Piece, ...]) == said
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(said), type=tuple[Piece, ...]) == said


@pytest.mark.parametrize("bad", [b'{"type":"Number","value":"x1"}', b'{"type":"Number","value":"12","how":"roman"}'])
def test_a_number_that_can_not_be_read_is_refused_on_arrival(bad: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(bad, type=Piece)
