"""The chains are chains, the parts are strangers to each other, and the alignment is one."""

import random
from pathlib import Path

import pytest
import torch

from course.data import alignment, proteins
from course.errors import CourseError
from course.experiments import ca_traces

PIN1 = "PGWEKRMSRSGRVYYFNHITNASQWERP"  # Q13526, residues 9 to 37, without S19


# --- traces


def test_the_table_holds_what_its_datasheet_says():
    pieces = proteins.traces()
    assert {piece.name for piece in pieces} == set(proteins.CHAINS)
    assert sum(map(len, pieces)) == 2480
    parts = proteins.split()
    assert [sum(map(len, part)) for part in parts] == [1623, 345, 512]
    assert not {p.name for p in parts.train} & {p.name for p in [*parts.valid, *parts.test]}
    assert proteins.FILE.stat().st_size < 100_000


def test_ubiquitin_is_ubiquitin():
    (ubiquitin,) = (piece for piece in proteins.traces() if piece.name == "1ubi_A")
    assert ubiquitin.sequence.startswith("MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG")
    assert (ubiquitin.first, len(ubiquitin)) == (1, 76)


def test_neighbours_are_as_far_apart_as_a_peptide_bond_makes_them():
    """3.8 Å; about 2.9 where the bond is cis, which is rare."""
    steps = torch.cat([(piece.places[1:] - piece.places[:-1]).norm(dim=-1) for piece in proteins.traces()])
    assert (steps > 2.7).all() and (steps < 4.0).all()
    assert ((steps > 3.6) & (steps < 4.0)).float().mean() > 0.995


def likeness(one: str, other: str, gap: float = 0.5) -> float:
    """Residues that agree, less half a point for each gap inside, in the best alignment; per residue of the shorter."""
    letters, price = torch.tensor([*map(ord, other)]), gap * torch.arange(len(other) + 1)
    row, best = torch.zeros(len(other) + 1), 0.0
    for letter in one:
        above, row = row, row - gap
        row[0] = 0.0  # ends are free
        row[1:] = torch.maximum(row[1:], above[:-1] + (letters == ord(letter)))
        row = (row + price).cummax(0).values - price
        best = max(best, row[-1].item())
    return max(best, row.max().item()) / min(len(one), len(other))


def test_likeness_finds_a_relative():
    draw = random.Random(0)
    sequence = "".join(draw.choices(proteins.LETTERS, k=300))
    relative = "".join(letter if draw.random() < 0.35 else draw.choice(proteins.LETTERS) for letter in sequence)
    stranger = "".join(draw.choices(proteins.LETTERS, k=300))
    assert likeness(sequence, sequence) == 1
    assert likeness(sequence, sequence[:90] + sequence[110:]) > 0.95
    assert likeness(sequence, relative) > likeness(sequence, stranger) + 0.1


@pytest.mark.parametrize("held_out", [*proteins.VALID, *proteins.TEST])
def test_no_chain_is_like_one_of_another_part(held_out: str):
    """No more than it is like the other's residues in random order."""
    chains: dict[str, str] = {}
    for piece in proteins.traces():
        chains[piece.name] = chains.get(piece.name, "") + piece.sequence
    ours = proteins.TEST if held_out in proteins.TEST else proteins.VALID
    draw = random.Random(0)
    for name, sequence in chains.items():
        if name not in ours:
            shuffled = "".join(draw.sample(sequence, len(sequence)))
            assert likeness(chains[held_out], sequence) < likeness(chains[held_out], shuffled) + 0.08, name


def test_crops_are_windows_with_their_distances():
    (piece,) = (piece for piece in proteins.traces() if piece.name == "1ejg_A")
    crops = proteins.crops([piece], size=24, stride=5)
    assert len(crops) == 5
    for n, start in enumerate(range(0, 23, 5)):
        assert torch.equal(crops.residues[n], piece.residues[start : start + 24])
        places = piece.places[start : start + 24]
        by_hand = torch.stack([(places - place).square().sum(-1).sqrt() for place in places])
        torch.testing.assert_close(crops.distances[n], by_hand)
    assert torch.equal(crops[1:3].distances, crops.distances[1:3])
    with pytest.raises(ValueError, match="no piece has 60 residues"):
        proteins.crops([piece], size=60)


def test_a_chain_with_a_gap_is_cut_there():
    pieces = [piece for piece in proteins.traces() if piece.name == "1r19_B"]
    ends = [piece.first + len(piece) for piece in pieces]
    assert len(pieces) == 4
    assert all(following.first > end for end, following in zip(ends, pieces[1:], strict=False))


def test_as_much_is_hidden_as_was_asked_for():
    generator = torch.Generator().manual_seed(0)
    share = torch.tensor([0.0, 0.3, 1.0]).repeat_interleave(200)
    hidden = proteins.hidden(600, 24, share, generator)
    assert torch.equal(hidden, hidden.mT)
    assert not hidden.diagonal(dim1=1, dim2=2).any()
    off = hidden[:, ~torch.eye(24, dtype=torch.bool)].float().mean(-1)
    assert off[share == 0].eq(1).all() and off[share == 1].eq(0).all()
    assert off[share == 0.3].mean().item() == pytest.approx(0.7, abs=0.01)


def test_a_damaged_table_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    damaged = tmp_path / "ca_traces.csv"
    damaged.write_text("entry,chain,number,residue,x,y,z\n1ubi,A,1,MET,one,2,3\n")
    monkeypatch.setattr(proteins, "FILE", damaged)
    with pytest.raises(CourseError, match="is damaged: install the course anew"):
        proteins.traces.__wrapped__()


def test_the_table_can_be_cut_out_of_a_pdb_file_again(tmp_path: Path):
    file = tmp_path / "pdb1xyz.pdb"
    file.write_text(
        "HEADER    NOT A REAL ENTRY\n"
        "ATOM      1  N   MET A   1      27.340  24.430   2.614  1.00  9.67           N  \n"
        "ATOM      2  CA  MET A   1      26.266  25.413   2.842  1.00 10.38           C  \n"
        "ATOM      3  CA AGLN A   2      26.850  29.021   3.898  1.00  9.07           C  \n"
        "ATOM      4  CA BGLN A   2      99.000  99.000  99.000  0.50  9.07           C  \n"
        "ATOM      5  CA  GLN B   2      99.000  99.000  99.000  1.00  9.07           C  \n"
        "HETATM    6 CA    CA A 300      99.000  99.000  99.000  1.00  9.07          CA  \n"
        "ENDMDL\n"
        "ATOM      2  CA  MET A   1      99.000  99.000  99.000  1.00 10.38           C  \n"
    )
    assert list(ca_traces.alpha_carbons(file, "A")) == [
        (1, "MET", "26.266", "25.413", "2.842"),
        (2, "GLN", "26.850", "29.021", "3.898"),
    ]


# --- the alignment


def test_the_family_is_what_its_datasheet_says():
    family = alignment.ww()
    assert (len(family), family.tokens.shape[1]) == (3382, 28)
    assert len(family.tokens.unique(dim=0)) == 3382
    gaps = (family.tokens == 0).float().mean(0)
    assert gaps.max() < alignment.MOST_GAPS
    commonest = [alignment.ALPHABET[letter] for letter in family.tokens.mode(dim=0).values.tolist()]
    assert (commonest[2], commonest[24], commonest[27]) == ("W", "W", "P")


def test_columns_are_named_after_the_residues_of_pin1():
    family = alignment.ww()
    row = next(row for row, name in enumerate(family.names) if name.startswith("Q13526"))
    assert family.text(row) == PIN1
    assert family.columns[0] == "P9" and family.columns[-1] == "P37"
    assert [column[0] for column in family.columns] == [*PIN1]
    numbers = [int(column[1:]) for column in family.columns]
    assert numbers == [n for n in range(9, 38) if n != 19]


def test_pin1_is_a_chain_whose_two_hairpins_touch():
    distances = alignment.pin1_distances()
    assert torch.equal(distances, distances.mT) and distances.diagonal().eq(0).all()
    neighbours = distances.diagonal(1)[torch.arange(27) != 9]  # S19 lies between columns 9 and 10
    assert (neighbours > 3.5).all() and (neighbours < 8).all()
    at = {column: place for place, column in enumerate(alignment.ww().columns)}
    for one, other in (("R14", "F25"), ("M15", "V22"), ("F25", "S32"), ("W11", "P37")):
        assert distances[at[one], at[other]] < 6
    assert distances[at["S18"], at["E35"]] > 20


def test_parts_of_the_family_share_no_relatives():
    tokens = alignment.ww().tokens
    parts = alignment.split(tokens)
    assert (len(parts.valid), len(parts.test)) == (400, 400)
    assert sorted([*parts.train, *parts.valid, *parts.test]) == list(range(len(tokens)))
    for one, other in ((parts.train, parts.valid), (parts.train, parts.test), (parts.valid, parts.test)):
        assert alignment.shared_columns(tokens[one], tokens[other]).max() < alignment.SHARED
    assert alignment.split(tokens) == parts
    assert alignment.split(tokens, seed=1) != parts


def test_clusters_hold_friends_of_friends():
    chain = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 2], [1, 1, 2, 2], [3, 3, 3, 3], [5, 3, 3, 3]])
    assert alignment.clusters(chain, shared=3).tolist() == [0, 0, 0, 3, 3]
    assert alignment.clusters(chain, shared=4).tolist() == [0, 1, 2, 3, 4]


def test_weights_count_relatives():
    same = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 2], [4, 4, 4, 4, 4]])
    torch.testing.assert_close(alignment.weights(same), torch.tensor([0.5, 0.5, 1.0]))
    effective = alignment.weights(alignment.ww().tokens).sum().item()
    assert effective == pytest.approx(2135, abs=1)


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alignment, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="pip install logomaker"):
        alignment.ww.__wrapped__()
