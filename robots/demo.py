"""``make demo``: starts the stack on free ports, plays the scenes on robot phones, and says what was heard and proved."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from robots.scenes import SCENES, Play, Scene
from robots.town import Town


def hasten(config: dict[str, Any]) -> None:
    """The shipped configuration with shorter patience, so that the demo takes two minutes and not ten."""
    config["transfers"] = {"ring": 4, "attempt": 8, "position_every": 15}
    config["linkage"] |= {"ring": 6, "repeats": 1}
    for seat in config["seats"]:
        seat["wrap_up"] = 1
    for centre in config["centres"]:
        for step in centre["queue"]["direct"]:
            step["wait"] = 1
        for step in centre["queue"]["transfer"]:
            step["wait"] = 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the timeline")
    parser.add_argument("--scene", action="append", choices=[key for key, _, _ in SCENES], help="only this scene; repeatable")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="where data and tapes go (default: demo-… below the temporary folder)"
    )
    chosen = parser.parse_args()
    console = Console(stderr=chosen.json, highlight=False)
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="hotline-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    if any((folder / left).exists() for left in ("data", "tapes")):
        print(f"error: {folder} holds an earlier demo: name an empty folder", file=sys.stderr)
        return 2
    scenes: list[Scene] = []
    town = Town(folder, edit=hasten)
    try:
        console.print("starting the stack and the phones …")
        began = time.monotonic()
        town.start()
        console.print(f"ready after {time.monotonic() - began:.1f} s: {town.summary['advertise']}, log in {town.log}\n")
        play = Play(town)
        for key, title, act in SCENES:
            if chosen.scene and key not in chosen.scene:
                continue
            scene = Scene(title)
            scenes.append(scene)
            console.rule(f"[bold]{title}", align="left")
            console.print(f"[dim]{(act.__doc__ or '').strip()}")
            try:
                act(play, scene)
            except Exception as problem:
                scene.promise(False, f"the scene broke off: {problem}")
                if not chosen.json:
                    traceback.print_exc()
            show(console, scene)
            if any("broke off" in what for _, what in scene.promises):
                break
    finally:
        took = town.close()
    kept = bool(scenes) and all(scene.kept for scene in scenes)
    left = [path.name for path in (folder / "data").glob("run/*.sock")]
    if chosen.json:
        print(json.dumps(as_json(scenes, folder, took), ensure_ascii=False, indent=2))
    else:
        summary(console, scenes, folder, took)
    if left:
        console.print(f"[red]sockets are left: {left}")
    return 0 if kept and not left else 1


def show(console: Console, scene: Scene) -> None:
    for moment, what in sorted(scene.events):
        console.print(f"  {moment:6.2f} s  {what}")
    for name, heard in scene.ears:
        pieces = "  ".join(f"{start:.1f}–{end:.1f} {label}" for start, end, label in heard)
        console.print(f"  [cyan]ear of {name}:[/] {pieces}", soft_wrap=True)
    for kept, what in scene.promises:
        console.print(f"  [green]✔[/] {what}" if kept else f"  [bold red]✘ {what}", soft_wrap=True)
    for path in scene.recordings:
        console.print(f"  [dim]recording: {path}", soft_wrap=True)
    console.print()


def summary(console: Console, scenes: list[Scene], folder: Path, took: float) -> None:
    table = Table(title="Summary", title_justify="left")
    table.add_column("scene")
    table.add_column("promises kept", justify="right")
    for scene in scenes:
        good = sum(kept for kept, _ in scene.promises)
        colour = "green" if scene.kept else "red"
        table.add_row(scene.title, f"[{colour}]{good} of {len(scene.promises)}")
    console.print(table)
    console.print(
        f"the stack ended in {took:.1f} s; tapes of every ear: {folder / 'tapes'}; recordings: {folder / 'data/recordings'}",
        soft_wrap=True,
    )


def as_json(scenes: list[Scene], folder: Path, took: float) -> dict[str, Any]:
    return {
        "kept": bool(scenes) and all(scene.kept for scene in scenes),
        "seconds_to_end": round(took, 2),
        "folder": str(folder),
        "scenes": [
            {
                "title": scene.title,
                "kept": scene.kept,
                "events": [{"at": round(at, 3), "what": what} for at, what in sorted(scene.events)],
                "ears": {name: [[start, end, label] for start, end, label in heard] for name, heard in scene.ears},
                "promises": [{"kept": kept, "what": what} for kept, what in scene.promises],
                "recordings": scene.recordings,
            }
            for scene in scenes
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
