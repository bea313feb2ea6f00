"""Which model serves: promotion, the way back, and pointers that can't be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from classifier import registry as registry_module
from classifier import store
from classifier.registry import Registry, RegistryError, Serving
from tests.classifier import tiny


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def keep(registry: Registry, tmp_path: Path, version: str) -> str:
    store.save(tiny.handmade(version), tmp_path / version)
    return registry.keep("agency", tmp_path / version)


def test_nothing_serves_at_first(registry: Registry) -> None:
    assert registry.pointer("duty") == Serving()
    assert registry.serving("agency") is None and registry.versions("agency") == []


def test_a_promoted_model_serves_and_the_one_before_may_come_back(registry: Registry, tmp_path: Path) -> None:
    first, second = keep(registry, tmp_path, "a-1"), keep(registry, tmp_path, "a-2")
    registry.promote("agency", first)
    registry.promote("agency", second)
    assert registry.promote("agency", second).before == ("a-1", "")  # said twice, done once
    serving = registry.serving("agency")
    assert serving is not None and store.load(serving).version == "a-2"
    assert [card["version"] for card in registry.versions("agency")] == ["a-1", "a-2"]
    assert registry.rollback("agency") == Serving("a-1", ("",))
    assert registry.rollback("agency") == Serving("", ())
    with pytest.raises(RegistryError, match="nothing to go back to"):
        registry.rollback("agency")


def test_what_is_not_kept_cannot_serve(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="no duty model nothing is kept"):
        registry.promote("duty", "nothing")


def test_a_broken_model_is_not_kept(registry: Registry, tmp_path: Path) -> None:
    store.save(tiny.handmade(), tmp_path / "broken")
    (tmp_path / "broken" / "label.npz").write_bytes(b"PK")
    with pytest.raises(store.ModelError):
        registry.keep("agency", tmp_path / "broken")
    assert registry.versions("agency") == []


def test_a_model_that_is_kept_stays_as_it_is(registry: Registry, tmp_path: Path) -> None:
    version = keep(registry, tmp_path, "a-1")
    assert registry.keep("agency", registry.folder / "agency" / version) == version
    assert keep(registry, tmp_path, "a-1") == version


@pytest.mark.parametrize("content", [b"", b"garbage", b"[]", b"{}", b'"x"', b"\xff\xfe\x00", b"[" * 100_000, b'{"serving": "x"}'])
def test_a_pointer_that_cannot_be_read_is_named(registry: Registry, content: bytes) -> None:
    (registry.folder / "duty").mkdir(parents=True)
    (registry.folder / "duty" / "serving.json").write_bytes(content)
    for ask in (registry.pointer, registry.serving, registry.rollback):
        with pytest.raises(RegistryError, match=r"serving\.json can't be read"):
            ask("duty")


def test_only_so_many_are_remembered(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "_KEPT", 2)
    for number in range(4):
        registry.promote("agency", keep(registry, tmp_path, f"a-{number}"))
    assert registry.pointer("agency") == Serving("a-3", ("a-2", "a-1"))
