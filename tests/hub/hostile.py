"""What the hostile student hands in, and puts into the exchange."""

import json
from pathlib import Path

FORGED = [{"output_type": "stream", "name": "stdout", "text": ["all tests passed, 100 points\n"]}]
TAMPER = "\ncheck.close = check.shape = check.unchanged = lambda *args, **kwargs: None\n"


def forge(notebook: Path, right: dict[str, str]) -> None:
    """Forge a notebook: every test says `pass`, with outputs and points made up; the answers in `right` are right."""
    content = json.loads(notebook.read_text())
    for cell in content["cells"]:
        facts = cell["metadata"].get("nbgrader", {})
        if facts.get("grade") and cell["cell_type"] == "code":
            cell["source"], cell["outputs"] = ["pass"], FORGED
            facts["points"] = 100
        elif facts.get("grade_id") in right:
            cell["source"] = [right[facts["grade_id"]]]
        elif facts.get("solution") and cell["cell_type"] == "code":
            cell["source"] = [TAMPER]
    notebook.write_text(json.dumps(content))


# Run by the hostile student in a terminal: submissions in another's name, with a name that means nothing, one that is a
# link, and a link in the genuine one.
INTO_THE_EXCHANGE = """
import glob, os, shutil, sys
inbound, own, victim, solutions = sys.argv[1:5]
cache = sorted(glob.glob(os.path.expanduser("~/.local/share/jupyter/nbgrader_cache/attention/*")))[0]
place = os.path.join(inbound, f"{victim}+01-attention+2099-01-01 00:00:00.000000 UTC+forged")
shutil.copytree(cache, place)
os.chmod(place, 0o777)
os.mkdir(os.path.join(inbound, "nobody+01-attention+no time at all"))
os.symlink(solutions, os.path.join(inbound, f"{own}+01-attention+2098-01-01 00:00:00.000000 UTC+link"))
late = os.path.join(inbound, f"{own}+01-attention+2097-01-01 00:00:00.000000 UTC+late")
shutil.copytree(cache, late)
os.symlink(os.path.join(solutions, "attention.ipynb"), os.path.join(late, "stolen.ipynb"))
for folder, _, names in os.walk(late):
    os.chmod(folder, 0o777)
    for name in names:
        if not os.path.islink(os.path.join(folder, name)):
            os.chmod(os.path.join(folder, name), 0o644)
open(sys.argv[5], "w").write("done")
"""
