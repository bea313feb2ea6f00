"""``hotline classify`` and ``hotline classifier``: what they print, and the one line for what can't be."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hotline import classifier, classify, known
from hotline.errors import CommandError
from router.casework import judging
from tests.allocation.parts import catalog
from tests.classifier import tiny

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on an installation without models of its own."""
    monkeypatch.setenv("HOTLINE_DATA_DIR", str(tmp_path / "data"))

    def call(app: object, *arguments: str, stdin: str | bytes = "") -> Result:
        done = CliRunner().invoke(app, list(arguments), input=stdin)  # type: ignore[arg-type]
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return call


def refused(run: Run, *arguments: str, says: str, app: object = classifier.app, stdin: str = "") -> None:
    with pytest.raises(CommandError, match=says) as found:
        run(app, *arguments, stdin=stdin)
    assert found.value.status == 2 and "\n" not in str(found.value)


@pytest.fixture
def table(tmp_path: Path) -> str:
    return str(tiny.write(tmp_path / "t.csv", tiny.rows(60)))


def test_a_text_is_judged_for_people_and_for_programs(run: Run) -> None:
    assert run(classify.app, "厨房着火了").stdout.startswith("URGENT  119 → 110, 119  class 1601\n")
    found = json.loads(run(classify.app, "--json", stdin="老板拖欠工资三个月了").stdout)
    assert (found["route"], found["urgent"], found["item"], found["agency"]) == ("12345", False, "SX-001", "人社")
    assert {"services", "scores", "evidence", "found", "model", "catalog", "call_back", "police_class"} <= set(found)


@pytest.mark.parametrize("text", ["", "😀😀", "there is a fire", "\x00\x01", "12345"])
def test_where_nothing_is_said_nobody_is_sent(run: Run, text: str) -> None:
    assert json.loads(run(classify.app, "--json", text).stdout)["route"] == "unsure"


def test_broken_characters_are_borne(run: Run) -> None:
    assert run(classify.app, "--json", stdin="着火了".encode() + b"\xff\xfe").exit_code == 0
    assert json.loads(run(classify.app, "--json", "\ud800着火了").stdout)["urgent"]


def test_lines_are_answered_in_their_order_and_wrong_ones_in_their_place(run: Run) -> None:
    lines = [
        '{"id": "a", "text": "着火了"}',
        "{broken",
        "",
        '{"text": 5}',
        '{"id": "\\ud800", "text": "火"}',
        '{"text": "公积金怎么提取"}',
    ]
    done = run(classify.app, "--jsonl", stdin="\ufeff" + "\n".join(lines))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 2
    assert [one.get("id", one.get("line")) for one in answers] == ["a", 2, 4, "\ud800", 6]
    assert ["error" in one for one in answers] == [False, True, True, False, False]
    assert run(classify.app, "--jsonl", stdin="").stdout == ""


def test_what_cannot_be_asked(run: Run) -> None:
    refused(run, "着火了", "--city", "999999", says="no list of a city '999999'.*530100", app=classify.app)
    refused(run, "着火了", "--jsonl", says="reads standard input", app=classify.app)


@pytest.mark.parametrize("content", [b"garbage", b"\xff\x00", b'{"serving": "gone", "before": []}'])
def test_a_pointer_or_model_that_cannot_be_read_is_told(run: Run, tmp_path: Path, content: bytes) -> None:
    pointer = tmp_path / "data" / "models" / "duty" / "serving.json"
    pointer.parent.mkdir(parents=True)
    pointer.write_bytes(content)
    refused(run, "着火了", says=r"serving\.json can't be read|holds no model", app=classify.app)


def test_a_city_trains_measures_and_promotes_its_own(run: Run, tmp_path: Path, table: str) -> None:
    model, report = str(tmp_path / "own"), tmp_path / "report.html"
    made = json.loads(run(classifier.app, "train", "--data", table, "--out", model, "--json").stdout)
    assert made["model"] == model and made["texts"] == 60
    found = run(classifier.app, "evaluate", "--data", table, "--model", model, "--report", str(report), "--json")
    assert json.loads(found.stdout)["accuracy"] > 0.9
    assert report.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert "macro-F1" in run(classifier.app, "evaluate", "--data", table, "--model", model).stdout
    refused(run, "promote", model, says="name its evaluation set")
    assert "serves now" in run(classifier.app, "promote", model, "--data", table).stdout
    assert run(classifier.app, "promote", model).exit_code == 1
    kinds = {(one["kind"], one["serves"]) for one in json.loads(run(classifier.app, "list", "--json").stdout)}
    assert kinds == {("duty", True), ("agency", True)}
    assert json.loads(run(classifier.app, "card", model).stdout)["kind"] == "agency"
    judged = json.loads(run(classify.app, "--json", "老板拖欠工资").stdout)
    assert judged["agency"] == "人社局" and made["version"] in judged["model"]
    assert "none serves" in run(classifier.app, "rollback", "--kind", "agency").stdout
    refused(run, "rollback", "--kind", "agency", says="nothing to go back to")


def test_training_that_cannot_be(run: Run, tmp_path: Path, table: str) -> None:
    refused(run, "train", "--data", table, says="no folder for the model")
    refused(run, "train", "--data", str(tmp_path / "none.csv"), "--out", str(tmp_path / "m"), says="No such file")
    refused(run, "train", "--data", table, "--label", "agency", "--out", str(tmp_path / "m"), says="no column 'agency'")
    refused(run, "train", "--data", table, "--where", "split", "--out", str(tmp_path / "m"), says="is not COLUMN=VALUE")
    refused(run, "train", "--data", table, "--out", table + "/m", says="can't be written")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "wedding.jpg").touch()
    refused(run, "train", "--data", table, "--out", str(tmp_path / "photos"), says="is there and is no model")
    assert (tmp_path / "photos" / "wedding.jpg").exists()


def test_measuring_that_cannot_be(run: Run, tmp_path: Path, table: str) -> None:
    refused(run, "evaluate", "--data", table, says="neither routes nor items")
    refused(run, "evaluate", "--data", table, "--model", str(tmp_path), says="holds no model")
    refused(run, "card", str(tmp_path), says="holds no model")
    refused(run, "rollback", "--kind", "x", says="no kind of model x")
    refused(run, "rollback", says="nothing to go back to")


def test_the_shipped_model_is_measured_on_routes(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "routes.csv"
    path.write_text("text,route,urgent\n厨房着火了,119,是\n老板拖欠工资三个月了,12345,否\n公积金怎么提取,12345,0\n", "utf-8")
    found = json.loads(run(classifier.app, "evaluate", "--data", str(path), "--label", "route", "--json").stdout)
    assert found["accuracy"] == 1 and found["urgent"]["recall"] == 1 and found["urgent"]["precision"] == 1


def test_the_shipped_model_is_made_once(run: Run) -> None:
    done = run(classifier.app, "train")
    assert "is there already" in done.stderr and done.stdout.startswith("duty-")


def test_a_list_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_MODEL_CACHE", str(tmp_path / "cache"))
    lists, asked = tmp_path / "lists", []
    lists.mkdir()
    (lists / "a.yaml").write_text("a: 1\n")

    def read() -> known.Knowledge:
        asked.append(1)
        return judging.known(catalog())

    assert known.of(lists, "530100", read) == known.of(lists, "530100", read) == judging.known(catalog())
    assert len(asked) == 1
    (lists / "a.yaml").write_text("a: 2\n")
    known.of(lists, "530100", read)
    (kept,) = (tmp_path / "cache").glob("list-*.json")
    kept.write_text("[]")
    assert known.of(lists, "530100", read) == judging.known(catalog())
    assert len(asked) == 3


def test_judging_needs_nothing_of_what_trains() -> None:
    judge = "from hotline import classify; classify.app(['着火了'], standalone_mode=False)"
    code = f"import sys; {judge}; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
