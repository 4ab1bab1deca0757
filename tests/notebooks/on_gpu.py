"""`python -m tests.notebooks.on_gpu`: run all solutions and lectures on a GPU and write nightly/GPU.md.

Without a GPU nothing is run, nothing is written, and a line says so.
"""

import argparse
import platform
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import torch

from course.device import device
from tests.notebooks.running import ROOT, Run, notebooks, run

RECORD = ROOT / "nightly" / "GPU.md"


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 1 if a notebook stopped or left the GPU unused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="only these")
    chosen = parser.parse_args(arguments).notebooks or notebooks()
    here = device()
    if here.type == "cpu":
        print("There is no GPU here: nothing was run, and nightly/GPU.md is as it was.")
        return 0
    runs = []
    for path in chosen:
        print(f"{path.parent.name}/{path.name} on {here} …", flush=True)
        runs.append(run(path))
        print(f"  {verdict(runs[-1], here.type)}, {runs[-1].seconds:.0f} s", flush=True)
    RECORD.write_text(record(runs, here, name_of(here)), encoding="utf-8")
    print(f"Written: {RECORD.relative_to(ROOT)}")
    return int(any(verdict(one, here.type) != "passed" for one in runs))


def verdict(one: Run, kind: str) -> str:
    """Passed, or why not. On CUDA a notebook that put nothing on the device has proved nothing."""
    if one.error:
        return one.error
    return "left the GPU unused" if kind == "cuda" and not one.gpu_megabytes else "passed"


def record(runs: Iterable[Run], here: torch.device, name: str) -> str:
    """The page: what ran where, how long, and what came of it."""
    head = f"""# The last run on a GPU

- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC
- command: `make test-gpu`
- with: {name} ({here}), Python {platform.python_version()}, torch {torch.__version__}

| notebook | result | seconds | processor seconds | GPU memory, MB |
| --- | --- | --- | --- | --- |
"""
    rows = [
        f"| {one.notebook} | {verdict(one, here.type)} | {one.seconds:.0f} | {one.cpu_seconds:.0f} "
        f"| {one.gpu_megabytes:.0f} |"
        for one in runs
    ]
    return head + "\n".join(rows) + "\n"


def name_of(here: torch.device) -> str:
    return torch.cuda.get_device_name(here) if here.type == "cuda" else platform.processor()


if __name__ == "__main__":
    sys.exit(main())
