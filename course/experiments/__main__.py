"""Run the experiments and write the page of results.

    python -m course.experiments [NAME …] [--seeds 3] [--jobs 2] [--out docs/results.md] [--again]

Each run is a process of its own with one thread. What is finished lies in build/experiments/ and is not run twice,
unless `--again` is given or the code that it depends on changed since. With names, the other tables of the page stay.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm.auto import tqdm

from course.errors import CourseError
from course.experiments.common import Experiment, Outcome, timed
from course.experiments.digest import digest
from course.experiments.registry import EXPERIMENTS
from course.experiments.report import page, section, sections_of

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "experiments"


@dataclass(frozen=True)
class Job:
    """One run, and the file that keeps its outcome."""

    experiment: str
    variant: str
    seed: int
    code: str  # digest of the code that ran

    @property
    def file(self) -> Path:
        name = "-".join([self.experiment, self.variant, str(self.seed), self.code])
        return KEPT / (name.replace(" ", "_").replace("/", "_") + ".json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(EXPERIMENTS)}; all unless given")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results.md")
    parser.add_argument("--again", action="store_true", help="run also what is finished")
    parser.add_argument("--one", nargs=3, metavar=("NAME", "VARIANT", "SEED"), help="run this and print its outcome")
    options = parser.parse_args()
    if options.one:
        name, variant, seed = options.one
        outcome = timed(lambda: EXPERIMENTS[name].run(variant, int(seed)))
        print(json.dumps(outcome.as_dict()))
        return
    unknown = set(options.names) - set(EXPERIMENTS)
    if unknown:
        sys.exit(f"no experiment is called {', '.join(sorted(unknown))}; there are {', '.join(EXPERIMENTS)}")
    chosen = [EXPERIMENTS[name] for name in options.names or EXPERIMENTS]
    try:
        finished = run_all(chosen, options.seeds, options.jobs, options.again)
    except CourseError as error:
        sys.exit(str(error))
    machine = f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}"
    before = sections_of(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    tables = before | {e.title: section(e, outcomes, machine) for e, outcomes in finished}
    options.out.write_text(page([tables[e.title] for e in EXPERIMENTS.values() if e.title in tables]), encoding="utf-8")
    print(f"Written: {options.out}")


def run_all(chosen: list[Experiment], seeds: int, jobs: int, again: bool) -> list:
    """Outcomes by experiment and variant; those that are missing are run, `jobs` at a time."""
    code = {e.name: digest(e) for e in chosen}
    wanted = [Job(e.name, v, seed, code[e.name]) for e in chosen for v in e.variants for seed in range(seeds)]
    missing = [job for job in wanted if again or not job.file.exists()]
    KEPT.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(missing), desc="runs", disable=not missing) as bar:
        waiting = {pool.submit(run_one, job): job for job in missing}
        for future in as_completed(waiting):
            job = waiting[future]
            bar.set_postfix_str(f"{job.experiment}, {job.variant}, seed {job.seed}: {future.result():.0f} s")
            bar.update()
    return [
        (e, {v: [read(job) for job in wanted if (job.experiment, job.variant) == (e.name, v)] for v in e.variants})
        for e in chosen
    ]


def run_one(job: Job) -> float:
    """Run it in a process of its own, keep the outcome, return its CPU-seconds."""
    command = [sys.executable, "-m", "course.experiments", "--one", job.experiment, job.variant, str(job.seed)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise CourseError(f"{job.experiment}, {job.variant}, seed {job.seed} failed: {last[0]}", 1)
    outcome = done.stdout.splitlines()[-1]
    partial = job.file.with_suffix(".partial")
    partial.write_text(outcome, encoding="utf-8")
    partial.replace(job.file)
    return json.loads(outcome)["cpu_seconds"]


def read(job: Job) -> Outcome:
    return Outcome(**json.loads(job.file.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
