"""What a child process said: all of it, however much came after."""

from __future__ import annotations

from pipeline.local.children import Child


def said(child: Child) -> str:
    """Every line of its log as one line with single blanks, so that wrapped messages are found as they are written.

    `Child.tail` is for a reader of failures; a test that looks for a message in the last lines would hang on how many
    lines other parts of the process write after it.
    """
    return " ".join(child.log.read_text(encoding="utf-8", errors="replace").split()) if child.log.exists() else ""
