"""What the cache of keys and values saves: the time to write n tokens with it and without, side by side.

    python -m tests.benchmarks.kv_cache        # writes reference_impl/results/kv_cache.json

The model is that of the preset `docs`, with a context as long as the longest text and its first weights: the time does
not depend on what they have learnt. Both ways write the same tokens, which is checked. Each pair of times is taken one
right after the other, several times over; the table holds medians, and the median of the pairs' ratios.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from reference_impl import record
from reference_impl.transformer import gpt
from reference_impl.transformer.sampling import Sampling

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "reference_impl" / "results" / "kv_cache.json"
SCHEMA = 1
LENGTHS = (64, 128, 256, 512, 1024)
REPEATS = 5
GREEDY = Sampling(temperature=0.0)


@torch.no_grad()
def without_cache(model: gpt.GPT, prompt: Tensor, n: int) -> Tensor:
    """The likeliest token, n times over; each time the model reads the whole text."""
    text = prompt
    for _ in range(n):
        text = torch.cat([text, model(text)[:, -1:].argmax(dim=-1)], dim=1)
    return text


def timed(work: Callable[[], Tensor]) -> tuple[float, Tensor]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def measure(lengths: Sequence[int], repeats: int) -> list[dict[str, Any]]:
    """A row for each length.

    Raises:
        RuntimeError: The two ways do not write the same text.
    """
    torch.manual_seed(0)
    config = replace(gpt.PRESETS["docs"].config, context=max(lengths))
    model = gpt.GPT(config, 100).eval()
    prompt, unused = torch.zeros(1, 1, dtype=torch.long), torch.Generator()
    rows = []
    for n in lengths:
        pairs = []
        for _ in range(repeats):
            slow, expected = timed(lambda n=n: without_cache(model, prompt, n))
            fast, text = timed(lambda n=n: gpt.write(model, prompt, n, GREEDY, unused))
            if not torch.equal(text, expected):
                raise RuntimeError(f"with the cache another text of {n} tokens is written than without")
            pairs.append((slow, fast))
        rows.append(
            {
                "tokens": n,
                "seconds_without": round(median(slow for slow, _ in pairs), 4),
                "seconds_with": round(median(fast for _, fast in pairs), 4),
                "ratio": round(median(slow / fast for slow, fast in pairs), 2),
            }
        )
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark, print the table, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    args = parser.parse_args(argv)
    if min(args.lengths) < 1 or args.repeats < 1:
        parser.error("expected lengths and repeats of at least 1")
    git, threads = record.git_state(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows, machine = measure(args.lengths, args.repeats), record.machine(torch.device("cpu"))
    finally:
        torch.set_num_threads(threads)
    for row in rows:
        times = f"{row['seconds_without']:8.3f} s without, {row['seconds_with']:8.3f} s with"
        print(f"{row['tokens']:5} tokens  {times}  {row['ratio']:.1f} times")
    found = {
        "schema": SCHEMA,
        "command": "python -m tests.benchmarks.kv_cache",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git,
        "machine": machine,
        "module": "reference_impl.transformer.gpt",
        "source_sha256": record.source_sha256("reference_impl.transformer.gpt"),
        "repeats": args.repeats,
        "rows": rows,
    }
    args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
