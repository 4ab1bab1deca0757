"""A family of proteins, aligned: the WW domain, 3,382 times the same small fold in other letters.

Datasheet
    What: sequences of WW domains, one a row, residues that belong to the same place of the fold in one column.
    From: the package `logomaker` (tested with 0.8.7), `examples/datafiles/ww_sequences.fa`: family PF00397 of Pfam,
        its set RP15 (Finn et al. 2014, doi:10.1093/nar/gkt1223). Nothing is downloaded.
    Licence: Pfam is CC0; logomaker MIT.
    Size: 4,025 sequences in 44 columns. Kept are the 28 columns that belong to the family's model and are gaps in less
        than 30 % of the sequences, and of these rows the 3,382 that differ and have no unknown residue (X).
    Made: by Pfam, with a profile hidden Markov model that was trained on a smaller alignment checked by people.
    Good for: what one column says of another; pseudo-likelihood; caveats of both, since all is small enough to look at.
    Flaws: sequences are cousins, no independent draws: they count as 2,135 if those with 80 % of their columns alike
        count once, as 583 at 60 % (`weights`). So columns also co-vary by family history. No structure comes with it.
    Splits: `split`, by identity: a test sequence agrees with none that is trained on in 20 of the 28 columns (71 %). A
        random split leaves two thirds of the test sequences such a relative, and flatters whoever remembers.
    Structure: `ww_pin1.csv` beside this file: the Cβ atoms (of glycine Cα) of residues 9 to 37 of human Pin1, from
        entry 1PIN of the Protein Data Bank (Ranganathan et al. 1997; free of copyright), read from a public copy with
        added hydrogens (github.com/babaid/DDMD, data/1pin.pdb) that was not compared with the archive. Couplings are
        held to it; no model sees it.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from course.data.splits import Split
from course.errors import CourseError

PACKAGE, INSIDE = "logomaker", "examples/datafiles/ww_sequences.fa"
GAP = "-"
ALPHABET = GAP + "ACDEFGHIKLMNPQRSTVWY"
MOST_GAPS = 0.3
STRUCTURE = Path(__file__).with_name("ww_pin1.csv")
GUIDE = "Q13526"  # human Pin1, whose residue numbers name the columns
SHARED = 20  # columns in which two sequences agree that belong to one cluster
Sequences = Int[Tensor, "n columns"]


@dataclass(frozen=True)
class Alignment:
    """Aligned sequences.

    Attributes:
        names: of the sequences: entry of UniProt / first-last residue.
        tokens: indices into `ALPHABET`.
        columns: what each column is called: letter and number of the residue of Pin1 there, "W11".
    """

    names: list[str]
    tokens: Sequences
    columns: list[str]

    def __len__(self) -> int:
        return len(self.names)

    def text(self, row: int) -> str:
        """A sequence as letters."""
        return "".join(ALPHABET[token] for token in self.tokens[row].tolist())


@cache
def ww() -> Alignment:
    """The WW domains, in the file's order, each sequence once.

    Raises:
        CourseError: logomaker is not installed, or its file is damaged.
    """
    names, rows = _read()
    # Pfam: insertions are small letters and dots; they belong to no column of the family's model.
    kept = [
        column
        for column, letters in enumerate(zip(*rows, strict=True))
        if not any(letter == "." or letter.islower() for letter in letters)
        and letters.count(GAP) < MOST_GAPS * len(rows)
    ]
    distinct: dict[str, str] = {}
    for name, row in zip(names, rows, strict=True):
        letters = "".join(row[column] for column in kept)
        if set(letters) <= set(ALPHABET):
            distinct.setdefault(letters, name)
    tokens = torch.tensor([[ALPHABET.index(letter) for letter in letters] for letters in distinct])
    return Alignment(list(distinct.values()), tokens, _numbered(names, rows, kept))


def _read() -> tuple[list[str], list[str]]:
    """Names and rows of the file. The package itself is not imported: that takes seconds."""
    found = find_spec(PACKAGE)
    if found is None:
        raise CourseError(f"the aligned WW domains are not installed; pip install {PACKAGE}")
    try:
        text = (Path(found.origin).parent / INSIDE).read_text(encoding="utf-8")
    except OSError as problem:
        raise CourseError(f"{PACKAGE} has no {INSIDE}; pip install {PACKAGE}==0.8.7") from problem
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    names, rows = [line[1:] for line in lines[::2]], lines[1::2]
    if not rows or len({*map(len, rows)}) > 1 or not all(line.startswith(">") for line in lines[::2]):
        raise CourseError(f"{INSIDE} of {PACKAGE} is damaged; pip install --force-reinstall {PACKAGE}")
    return names, rows


def _numbered(names: Sequence[str], rows: Sequence[str], kept: Sequence[int]) -> list[str]:
    """The guide's residue in each column that is kept."""
    name, row = next((name, row) for name, row in zip(names, rows, strict=True) if name.startswith(GUIDE))
    number, labels = int(name.split("/")[1].split("-")[0]) - 1, []
    for column, letter in enumerate(row):
        number += letter.isalpha()
        if column in kept:
            labels.append(f"{letter}{number}")
    return labels


@cache
def pin1_distances() -> Float[Tensor, "columns columns"]:
    """How far the residues of any two columns are apart in Pin1, in Å, from Cβ to Cβ.

    Raises:
        CourseError: the table is missing or damaged.
    """
    try:
        with STRUCTURE.open(encoding="ascii", newline="") as file:
            places = {int(row["number"]): [float(row[axis]) for axis in "xyz"] for row in csv.DictReader(file)}
        chosen = torch.tensor([places[int(column[1:])] for column in ww().columns])  # (L, 3)
    except (OSError, ValueError, KeyError) as problem:
        raise CourseError(f"{STRUCTURE} is damaged: install the course anew") from problem
    return (chosen.unsqueeze(1) - chosen).norm(dim=-1)


# --- relatives


def shared_columns(tokens: Sequences, others: Int[Tensor, "m columns"]) -> Int[Tensor, "n m"]:
    """In how many columns each sequence agrees with each of the others."""
    one_hot = [F.one_hot(side, len(ALPHABET)).flatten(1).float() for side in (tokens, others)]  # (n, L · A)
    return (one_hot[0] @ one_hot[1].mT).round().int()


def weights(tokens: Sequences, identity: float = 0.8) -> Float[Tensor, " n"]:
    """1 / how many sequences agree with a sequence in at least this share of columns, itself included.

    Their sum is the number of sequences that the alignment counts as (Morcos et al. 2011, arXiv:1110.5223).
    """
    return 1 / (shared_columns(tokens, tokens) >= identity * tokens.shape[1]).sum(-1)


def clusters(tokens: Sequences, shared: int = SHARED) -> Int[Tensor, " n"]:
    """A label for each sequence; whoever agrees in `shared` columns has the same, and so has the friend of a friend."""
    linked = shared_columns(tokens, tokens) >= shared
    label = torch.arange(len(tokens))
    while True:
        lowest = torch.where(linked, label, len(tokens)).amin(-1)  # of all that one is linked to
        lowest = lowest[lowest]  # whoever that is may know a lower one
        if torch.equal(lowest, label):
            return label
        label = lowest


def split(tokens: Sequences, valid: int = 400, test: int = 400, shared: int = SHARED, seed: int = 0) -> Split:
    """Row numbers of three parts; sequences of two parts agree in less than `shared` columns.

    Clusters are drawn in random order, until validation and test part have what they need. A cluster that a part has
    no room for is trained on, so the largest ones always are.
    """
    label = clusters(tokens, shared)
    names = label.unique()
    order = names[torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))]
    parts = Split([], [], [])
    for name in order.tolist():
        rows = (label == name).nonzero().flatten().tolist()
        wanted = [(parts.valid, valid), (parts.test, test)]
        part = next((part for part, size in wanted if len(part) + len(rows) <= size), parts.train)
        part.extend(rows)
    return parts
