"""Intake: which records of a slice are counted, which are refused, replayed or sent on; and where their pages are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from pipeline.counting.fold import Placed
from pipeline.counting.live import LivePage
from pipeline.slots import slot_of
from pipeline.store.checkpoint import Mark
from pipeline.store.shelf import Shelf
from pipeline.table.batch import Record
from schemas.interaction import decode_interaction


@dataclass(slots=True)
class Refusal:
    """A record that cannot be counted; `reason` is a short fixed word."""

    record: Record
    reason: str
    detail: str = ""


@dataclass(slots=True)
class Intake:
    """A slice, sorted out. `records` goes with `placed`; `replayed` were applied before a restart and are only to be
    published again; `misplaced` lie in a partition that does not own their slot; `copies` were misplaced elsewhere, are
    counted here, and are to be published even if they change nothing."""

    placed: list[Placed] = field(default_factory=list)
    records: Sequence[Record] = ()
    replayed: list[Placed] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    misplaced: list[tuple[int, Record]] = field(default_factory=list)
    copies: list[Placed] = field(default_factory=list)
    missing: list[LivePage] = field(default_factory=list)


def take_in(
    records: Sequence[Record],
    shelf: Shelf,
    marks: Mapping[int, Mark],
    future_limit_ms: int,
    *,
    copies_come: bool = False,
) -> Intake:
    """Decode and check each record and find its pages. The future is measured from the record's own timestamp (when we
    received it), so that a replay decides the same. `copies_come`: slots moved here, so records may be copies."""
    out = Intake()
    pages, missing, placed = shelf.pages, out.missing, out.placed
    # Beyond this offset no record of ours was applied before, so no mark has to be looked at.
    applied_to = max(mark.offset for mark in marks.values())
    skipped = set()
    for position, record in enumerate(records):
        try:
            interaction = decode_interaction(record.value)  # type: ignore[arg-type]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError) as error:
            skipped.add(position)
            out.refusals.append(_refuse(record, error))
            continue
        if interaction.time_ms > record.timestamp + future_limit_ms:
            skipped.add(position)
            out.refusals.append(Refusal(record, "time_in_future", f"time_ms is {interaction.time_ms}"))
            continue
        platform = interaction.platform
        # A page on the shelf is loaded, or was put there by this slice and is among the missing.
        account = pages.get(platform + ":" + interaction.account)
        if account is None:
            slot = slot_of(platform, interaction.account)
            if slot not in marks:
                skipped.add(position)
                out.misplaced.append((slot, record))
                continue
            account = shelf.account(platform, interaction.account, slot)
            missing.append(account)
        post = None
        if interaction.post is not None:
            key = account.prefix + interaction.post
            post = pages.get(key)
            if post is None:
                post = shelf.post(key, platform, interaction.post, account.slot)
                missing.append(post)
        if record.offset < applied_to and record.offset < marks[account.slot].offset:
            skipped.add(position)
            out.replayed.append((interaction, account, post))
        else:
            placed.append((interaction, account, post))
            if copies_come and record.key is None:
                out.copies.append(placed[-1])
    out.records = [r for i, r in enumerate(records) if i not in skipped] if skipped else records
    return out


def _refuse(record: Record, error: Exception) -> Refusal:
    if record.value is None:
        return Refusal(record, "no_value")
    if isinstance(error, msgspec.ValidationError):
        return Refusal(record, "schema", str(error)[:1000])
    return Refusal(record, "not_json", str(error)[:1000])
