"""The command of docs/wmt.md, on a small corpus: whole, resumed, in two processes, and with bad files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from course.data import cldr
from course.experiments.wmt import EncodedPairs, by_length, prepare

ROOT = Path(__file__).parents[2]
SMALL = "--model tiny --vocabulary 300 --steps 6 --warm-up 4 --tokens 300 --checkpoint-every 3".split()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("parallel")
    pairs = cldr.pairs("mixed", 320, seed=1)
    found = {}
    for name, part in (("train", pairs[:300]), ("valid", pairs[300:])):
        for language in ("english", "french"):
            found[f"{name}, {language}"] = folder / f"{name}.{language}"
            lines = "".join(getattr(pair, language) + "\n" for pair in part)
            found[f"{name}, {language}"].write_text(lines, encoding="utf-8")
    return found


def run(files: dict[str, Path], checkpoint: Path, *more: str, processes: int = 1) -> subprocess.CompletedProcess:
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)] if processes > 1 else []
    arguments = ["--source", files["train, english"], "--target", files["train, french"], "--checkpoint", checkpoint]
    command = [sys.executable, *launcher, "-m", "course.experiments.wmt", *map(str, arguments), *SMALL, *more]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def test_pairs_come_back_from_two_bytes_a_token(files: dict[str, Path], tmp_path: Path):
    words, pairs = prepare(files["train, english"], files["train, french"], tmp_path, 300, first=True)
    text = [(pair.english, pair.french) for pair in cldr.pairs("mixed", 320, seed=1)[:300]]
    again = EncodedPairs.of(text, words, show=False)
    assert len(pairs) == len(again) == 300
    assert [pairs[i] for i in (0, 7, 299)] == [again[i] for i in (0, 7, 299)]
    assert all(pairs.lengths[i].tolist() == [len(side) for side in pairs[i]] for i in range(300))
    batches = by_length(pairs, tokens=300, seed=0)
    assert all(max(b.source.numel(), b.target_in.numel()) <= 300 for b in map(batches, range(len(batches))))


def test_it_trains_validates_translates_and_resumes(files: dict[str, Path], tmp_path: Path):
    valid = ["--valid", str(files["valid, english"]), str(files["valid, french"])]
    done = run(files, tmp_path / "run" / "checkpoint.pt", *valid)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "300 pairs, 300 pieces" in done.stdout
    assert "BLEU" in done.stdout and "on 20 pairs" in done.stdout
    longer = run(files, tmp_path / "run" / "checkpoint.pt", "--steps", "8")
    assert "resumed after step 6 of 8" in longer.stdout


def test_bad_files_are_one_line(files: dict[str, Path], tmp_path: Path):
    short = tmp_path / "short.french"
    short.write_text("un\ndeux\n", encoding="utf-8")
    done = run(files | {"train, french": short}, tmp_path / "c.pt")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].endswith("line n must translate line n")
    assert "Traceback" not in done.stderr


@pytest.mark.nightly
def test_two_processes_share_the_work(files: dict[str, Path], tmp_path: Path):
    done = run(files, tmp_path / "checkpoint.pt", processes=2)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("300 pairs") == 1
    assert (tmp_path / "checkpoint.pt").exists()
