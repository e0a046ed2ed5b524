"""What `make` hands on to `twoway`: the words of its own command line, and nothing else."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest

from tests.commands import run_program

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def commands(*words: str, **variables: str) -> list[str]:
    """The commands that make would run for these words, with .venv taken as set up."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))} | variables
    command = ["make", "--no-print-directory", "-n", "-o", ".venv/.installed", *words]
    done = run_program(command, cwd=ROOT, env=env, check=True)
    return [line.strip() for line in done.stdout.splitlines()]


def told(*words: str, **variables: str) -> str:
    """The last of them."""
    return commands(*words, **variables)[-1]


def test_the_demo_takes_ports_workers_and_rate_as_up_does() -> None:
    words = ("SECONDS=30", "PORTS_FROM=9000", "WORKERS=2", "RATE=500")
    assert told("demo", *words).endswith("twoway demo --seconds '30' --ports-from '9000' --workers '2' --rate '500'")
    assert told("up", *words[1:3]).endswith("twoway up  --ports-from '9000' --workers '2'")


def test_setting_up_lists_no_packages() -> None:
    """What fails is said all the same; a list of 121 packages hides it."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installs = [line for line in makefile.splitlines() if "pip install" in line and line.startswith("\t")]
    assert len(installs) >= 3
    assert all("--quiet" in line for line in installs)


def test_a_variable_of_the_shell_is_no_word_of_the_command_line() -> None:
    """bash has SECONDS of its own: without this every demo would end at once."""
    assert told("demo", SECONDS="3", RATE="9").endswith("twoway demo")


def test_the_bill_of_materials_is_written_of_both_locks() -> None:
    """What the image holds and what tests and tools are made of, each from its pins, in the form that is promised."""
    written = {}
    for command in commands("sbom"):
        words = shlex.split(command)
        if "cyclonedx-py" in words:
            lock, output = words[words.index("requirements") + 1], words[words.index("-o") + 1]
            written[lock] = output
            assert words[words.index("--sv") + 1] == "1.5"
            assert (ROOT / lock).is_file()
    assert written == {"deploy/requirements.lock": "build/sbom.json", "requirements.lock": "build/sbom-all.json"}


def test_the_audit_writes_the_report_that_the_page_names() -> None:
    assert "deploy/audit.py build/audit.json " in told("audit")
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in ("build/audit.json", "build/sbom.json", "build/sbom-all.json"))
