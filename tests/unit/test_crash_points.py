"""Crash points: all are on the worker's way, and the setting names one of them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.crash_points import POINTS, CrashPoints
from pipeline.errors import SettingsError

ROOT = Path(__file__).parents[2]


def test_every_point_stands_in_the_code_once() -> None:
    """A point that nobody comes to would be a test that shows nothing."""
    places = [*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "agents").rglob("*.py")]
    found = [name for path in places for name in re.findall(r'(?:reach|is_due)\("([a-z-]+)"\)', path.read_text())]
    assert sorted(found) == sorted(POINTS)


@pytest.mark.parametrize("at", ["nowhere", "after-fold:0", "after-fold:x", ":1", "after-fold:-1"])
def test_what_names_no_point_is_refused(at: str) -> None:
    with pytest.raises(SettingsError, match=r"TWOWAY_CRASH_AT is .*; expected POINT or POINT:HIT"):
        CrashPoints(at)


def test_the_process_dies_at_the_hit_that_was_named_and_says_so() -> None:
    """By SIGKILL: nothing that would tidy up runs."""
    program = (
        "from pipeline.crash_points import CrashPoints\n"
        "points = CrashPoints('after-fold:2')\n"
        "try:\n"
        "    for n in range(3):\n"
        "        points.reach('after-load'); points.reach('after-fold'); print(n, flush=True)\n"
        "finally:\n"
        "    print('tidied up')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "0\n")
    assert done.stderr == "killed at crash point after-fold\n"


def test_without_a_setting_nobody_dies() -> None:
    points = CrashPoints()
    for point in POINTS:
        points.reach(point)
        assert not points.is_due(point)
