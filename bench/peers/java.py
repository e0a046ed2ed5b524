"""The JVM peers: their build with Maven, and the commands that start them.

`python -m bench.peers.java` builds what is not built (`make peers`). Java and Maven are those of JAVA_HOME and PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

FOLDER = Path(__file__).parent
#: javac's --release; the programs run on this version or a newer one.
NEEDED = 17
MODULES = ("tally", "flink", "streams")
#: No more than a container of a task manager commonly has; the default would be a quarter of the machine.
HEAP = "-Xmx2g"
_QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"


class MissingError(Exception):
    """Raised when the JVM peers cannot be built or run here; its text says what is missing."""


@dataclass(frozen=True)
class JavaProgram:
    """One of the programs. `flags`: those of the JVM that it needs or that measured fastest."""

    module: str
    main_class: str
    flags: tuple[str, ...] = ()

    def counting_only(self) -> JavaProgram:
        """The same without publishing rows to the aggregate topics."""
        return replace(self, flags=(*self.flags, "-Dpublish=false"))

    def command(self, *arguments: str) -> list[str]:
        """The command that runs it."""
        target = FOLDER / self.module / "target"
        class_path = os.pathsep.join([str(target / f"{self.module}-1.jar"), str(target / "lib" / "*")])
        return [_tool("java"), HEAP, _QUIET, *self.flags, "-cp", class_path, self.main_class, *arguments]


FLINK = JavaProgram(
    "flink",
    "twoway.peers.flink.Job",
    ("--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED"),
)
STREAMS = JavaProgram("streams", "twoway.peers.streams.Program")


def build() -> bool:
    """Build what is missing or older than its source; whether there was anything to do. Raises MissingError."""
    if _is_built():
        _tool("java")
        return False
    maven = _tool("mvn")
    _tool("javac")
    done = subprocess.run(
        [maven, "--quiet", "--batch-mode", "--no-transfer-progress", "package"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MissingError(f"Maven could not build the JVM peers:\n{(done.stdout + done.stderr)[-2_000:]}")
    for module in MODULES:
        _jar(module).touch()  # Maven leaves a jar alone whose content is the same
    return True


def version() -> str | None:
    """What the Java in use calls itself, such as `openjdk version "17.0.15" 2025-04-15`; None where there is none."""
    try:
        done = subprocess.run([_tool("java"), "-version"], capture_output=True, text=True, check=True)
    except MissingError:
        return None
    return done.stderr.splitlines()[0]


def main() -> None:
    try:
        built = build()
    except MissingError as error:
        sys.stderr.write(f"JVM peers: {error}\n")
        sys.exit(1)
    print("JVM peers: built" if built else "JVM peers: there already")


def _jar(module: str) -> Path:
    return FOLDER / module / "target" / f"{module}-1.jar"


def _is_built() -> bool:
    jars = [_jar(module) for module in MODULES]
    if not all(jar.is_file() for jar in jars):
        return False
    sources = [*FOLDER.glob("pom.xml"), *FOLDER.glob("*/pom.xml"), *FOLDER.glob("*/src/**/*.java")]
    return max(path.stat().st_mtime for path in sources) <= min(jar.stat().st_mtime for jar in jars)


def _tool(name: str) -> str:
    home = os.environ.get("JAVA_HOME")
    found = (home and shutil.which(name, path=str(Path(home) / "bin"))) or shutil.which(name)
    if not found:
        needed = "Maven 3.8" if name == "mvn" else f"a JDK of version {NEEDED}"
        raise MissingError(f"{name} is not on PATH; expected {needed} or newer")
    return found


if __name__ == "__main__":
    main()
