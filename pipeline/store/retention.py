"""The window sizes that a slot is counted with, and for how long its rows are kept: they stand in its `applied` hash.

A row that was let go, or was never made, cannot be counted upon: it would begin in the middle, and a removal of what it
never counted would take it below 0. So a slot goes on with the sizes that it has. They may be kept for less long, for
every row that is left is right; then that is what stands there, and what is let go does not come back.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.errors import SettingsError, StateError
from pipeline.settings import Settings
from pipeline.windows import Windows


class Retention:
    """What the settings say of it, by field of `applied`. `fields`: these and their texts: name, text, ..."""

    def __init__(self, settings: Settings) -> None:
        self._windows = {"windows": settings.windows, "engaged_windows": settings.engaged_windows}
        self.names = tuple(self._windows)
        self.fields = tuple(part for name, windows in self._windows.items() for part in (name, windows.text))

    def stands_in(self, key: str, found: Iterable[bytes | None]) -> bool:
        """Whether this is what stands in the `applied` hash under `names`. Where nothing stands there (an older release
        wrote the slot, or nobody did) what we have is taken over. Raises StateError where the slot cannot go on with
        it."""
        stands = True
        for (name, ours), text in zip(self._windows.items(), found, strict=True):
            if text is None or text.decode() != ours.text:
                stands = False
                if text is not None:
                    _check(key, name, ours, text.decode())
        return stands


def _check(key: str, name: str, ours: Windows, found: str) -> None:
    try:
        fits = ours.keeps_no_more_than(Windows.parse(found))
    except SettingsError:
        fits = False
    if not fits:
        raise StateError(
            f"{key} is counted with {name} {found}, but TWOWAY_{name.upper()} is {ours.text}; expected the same sizes, "
            "none kept for longer, for rows that are gone cannot be counted upon: set it back, or count anew into an "
            "empty Redis or another TWOWAY_KEY_PREFIX"
        )
