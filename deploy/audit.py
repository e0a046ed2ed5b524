"""`make audit`: asks OSV, the public database of vulnerabilities, about every pinned package, by way of pip-audit.

    python deploy/audit.py REPORT PROGRAM [ARGUMENT ...]    such as build/audit.json .venv/bin/uv tool run pip-audit

Exit code 1 where a package has a known vulnerability or could not be looked up. Where the database cannot be reached
nothing was audited: that is said in so many words, and the exit code is 0, for it is not the packages' fault.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

DATABASE = "https://api.osv.dev/v1/query"
LOCK = Path(__file__).parents[1] / "requirements.lock"
TIMEOUT_S = 10.0


def audit(report: Path, program: Sequence[str], database: str = DATABASE) -> int:
    """The exit code. The report is pip-audit's JSON; an old one never outlives an audit that did not happen."""
    report.unlink(missing_ok=True)
    if (reason := _away(database)) is not None:
        return _say(f"NOT AUDITED: {database} cannot be reached from here ({reason}); nothing was looked up", 0)
    report.parent.mkdir(parents=True, exist_ok=True)
    options = ["-r", str(LOCK), "--require-hashes", "--disable-pip", "-s", "osv", "--format", "json", "-o", str(report)]
    done = subprocess.run([*program, *options], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(report.read_text(encoding="utf-8"))["dependencies"]
    except (OSError, ValueError, KeyError):
        return _say(f"NOT AUDITED: pip-audit ended with {done.returncode} and no report:\n{done.stderr[-2000:]}", 1)
    return _judge(packages, report)


def _judge(packages: list[dict[str, Any]], report: Path) -> int:
    skipped = [package for package in packages if "skip_reason" in package]
    found = [(package, one) for package in packages for one in package.get("vulns", [])]
    for package, one in found:
        mended = ", ".join(one["fix_versions"]) or "no version yet"
        _say(f"{package['name']} {package['version']}: {one['id']}, mended in {mended}", 1)
    for package in skipped:
        _say(f"{package['name']} was not looked up: {package['skip_reason']}", 1)
    looked_up = len(packages) - len(skipped)
    return _say(
        f"{looked_up} packages looked up, {len(found)} known vulnerabilities, {len(skipped)} not looked up: {report}",
        int(bool(found or skipped or not packages)),
    )


def _away(database: str) -> str | None:
    """Why the database does not answer; None where it does, whatever it says."""
    try:
        httpx.post(database, json={"package": {"name": "pip", "ecosystem": "PyPI"}, "version": "0"}, timeout=TIMEOUT_S)
    except httpx.TransportError as error:
        return str(error) or type(error).__name__
    return None


def _say(text: str, code: int) -> int:
    sys.stdout.write(f"{text}\n")
    return code


if __name__ == "__main__":
    sys.exit(audit(Path(sys.argv[1]), sys.argv[2:]))
