"""Fresh environments without the course: what a first cell or a workflow's install step finds."""

import subprocess
import sys
import sysconfig
from pathlib import Path

# As if nobody had installed the course here, or one thing that it needs.
LEFT_OUT = ("attention_course", "__editable__", "jaxtyping")


def bare_environment(folder: Path) -> Path:
    """A new virtual environment that has all that this one has, but for the course and jaxtyping; returns its bin/.

    The packages are linked to, not copied: torch alone is most of a gigabyte.
    """
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, timeout=300)
    linked = folder / "venv" / "linked"  # inside, where a fence lets it be seen
    linked.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(LEFT_OUT) and path.name not in ("pip", "setuptools"):
            (linked / path.name).symlink_to(path)
    (site_packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (site_packages / "linked.pth").write_text(f"{linked}\n", encoding="utf-8")
    return folder / "venv" / "bin"
