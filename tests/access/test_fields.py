"""Which fields a person sees of a case that is visible."""

from __future__ import annotations

import pytest

from router.access import fields
from tests.access import world


def test_operators_and_police_see_the_caller_whole() -> None:
    for actor in (world.OPERATOR, world.POLICE, world.OFFICER, world.POSTED):
        for confidentiality in ("open", "caller", "stability"):
            assert fields.sight(actor, confidentiality).caller == "whole"


def test_police_fields_are_for_police() -> None:
    sees = {name for name, actor in world.EVERYBODY.items() if fields.sight(actor, "open").police}
    assert sees == {"police", "anning", "officer", "officer2", "inspector", "posted"}


@pytest.mark.parametrize(
    ("confidentiality", "assigned", "granted", "caller"),
    [
        ("open", True, (), "whole"),
        ("open", False, (), "masked"),
        ("caller", True, (), "hidden"),
        ("caller", False, (), "hidden"),
        ("stability", True, (), "hidden"),
        ("caller", True, ("caller",), "whole"),
        ("open", False, ("place",), "masked"),
    ],
)
def test_an_agency_sees_the_caller_of_what_it_handles(
    confidentiality: str, assigned: bool, granted: tuple[str, ...], caller: str
) -> None:
    assert fields.sight(world.STAFF, confidentiality, assigned=assigned, granted=granted).caller == caller


def test_supervisors_see_masked_callers_and_administrators_none() -> None:
    assert fields.sight(world.SUPERVISOR, "open").caller == "masked"
    assert fields.sight(world.SUPERVISOR, "open", granted=["caller"]).caller == "whole"
    hidden = fields.sight(world.ADMINISTRATOR, "open")
    assert (hidden.caller, hidden.place, hidden.recordings, hidden.attachments) == ("hidden", "hidden", False, False)


def test_recordings_are_for_agencies_only_when_granted() -> None:
    assert not fields.sight(world.STAFF, "open", assigned=True).recordings
    assert fields.sight(world.STAFF, "open", assigned=True, granted=["recordings"]).recordings


@pytest.mark.parametrize(
    ("value", "masked"),
    [("13900139002", "139****9002"), ("087163100000", "087*****0000"), ("12345", "***45"), ("12", "**"), ("", "")],
)
def test_numbers_are_masked(value: str, masked: str) -> None:
    assert fields.mask_number(value) == masked
    assert fields.number(value, "whole") == value
    assert fields.number(value, "hidden") is None and fields.number(None, "whole") is None


@pytest.mark.parametrize(("value", "masked"), [("张三", "张*"), ("欧阳明月", "欧***"), ("李", "*"), ("", "*")])
def test_names_are_masked(value: str, masked: str) -> None:
    assert fields.mask_name(value) == masked


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("云南省昆明市五华区人民中路36号", "云南省昆明市五华区***"),
        ("人民中路36号3栋2单元", "人民中路***"),
        ("五华区", "五华区"),
    ],
)
def test_places_are_masked_below_the_district(value: str, masked: str) -> None:
    assert fields.mask_place(value) == masked
