"""Judging texts: how long one takes, how many a second, start, memory and size; and the card's figures on texts never seen.

Measured in a process of its own that does nothing else, on the corpus's development part, by the shipped model. One text
is timed by the wall, many by processor time; start is from the program's start to the first verdict.
"""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median
from typing import Any

from bench.figures import Aim, Figure, percentile
from bench.run import Run
from classifier import shipped

_CHILD = """
import time
begin = time.perf_counter()
import json, resource, sys
from pathlib import Path
from classifier import shipped
from classifier.engine import ModelEngine
from classifier.learning.card import everything
model = shipped.load()
engine = ModelEngine(model, everything(model))
engine.judge("有人掉水里了")
started = time.perf_counter() - begin
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
from classifier.corpus import files
texts = [one.text for one in files.read("dev")]
engine.judge_all(texts)
rates = []
for _ in range(int(sys.argv[1])):
    begin = time.process_time()
    engine.judge_all(texts)
    rates.append(len(texts) / (time.process_time() - begin))
times = []
for text in texts:
    begin = time.perf_counter()
    engine.judge(text)
    times.append(time.perf_counter() - begin)
size = sum(one.stat().st_size for one in Path(shipped.folder()).iterdir()) / 1e6
print(json.dumps({"started": started, "memory": memory, "rates": rates, "times": times, "size": size, "card": dict(model.card)}))
"""


def measure(run: Run) -> list[Figure]:
    run.say("judging: the shipped model …")
    shipped.ensure()
    starts = [_child(1) for _ in range(1 if run.quick else 3)]
    start = median(one["started"] for one in starts)
    found = _child(2 if run.quick else 5)
    times = [value * 1000 for value in found["times"]]
    seen = found["card"]["figures"]["heldout"]
    return [
        Figure("judging.start", "start until the first verdict, median", start, "s", Aim(most=1.5)),
        Figure("judging.memory", "memory of a process that judges", starts[0]["memory"], "MiB", Aim(most=300)),
        Figure("judging.size", "model on disk", found["size"], "MB", Aim(most=50)),
        Figure("judging.batch", "texts a second on one core, median", median(found["rates"]), "/s", Aim(least=2000)),
        Figure("judging.one.median", f"one text, median of {len(times)}", median(times), "ms"),
        Figure("judging.one.p99", "one text, p99", percentile(times, 0.99), "ms", Aim(most=3)),
        Figure("judging.recall", "held-out texts: urgent found", seen["urgent"]["recall"], "", Aim(least=0.98)),
        Figure("judging.precision", "held-out texts: alarms that are urgent", seen["urgent"]["precision"], "", Aim(least=0.92)),
        Figure("judging.away", "held-out texts: urgent routed away", seen["urgent_routed_away"], "texts", Aim(most=0)),
        Figure("judging.unnoticed", "… for which nobody rings either", seen["urgent_unnoticed"], "texts"),
        Figure("judging.route", "held-out texts: route right, of those answered", seen["route"], "", Aim(least=0.92)),
        Figure("judging.answered", "held-out texts: answered", seen["answered"], "", Aim(least=0.92)),
    ]


def _child(rounds: int) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", _CHILD, str(rounds)], capture_output=True, text=True, timeout=600, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
