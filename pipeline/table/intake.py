"""Intake: which records of a slice are counted, which are refused, replayed or sent on; and where their pages are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from pipeline.counting.fold import Placed
from pipeline.counting.live import LivePage
from pipeline.counting.plain import Plain
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
    """A slice, sorted out. `plain` are the likes and shares of known posts that are read without being decoded;
    `placed` the others to be counted, and `records` go with them; `replayed` were applied before a restart and are only
    to be published again; `misplaced` lie in a partition that does not own their slot; `copies` were misplaced
    elsewhere, are counted here, and are to be published even if they change nothing. `last_ms`: event time of the last
    one to be counted, 0 where there is none."""

    plain: Plain = field(default_factory=Plain)
    placed: list[Placed] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    replayed: list[Placed] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    misplaced: list[tuple[int, Record]] = field(default_factory=list)
    copies: list[Placed] = field(default_factory=list)
    missing: list[LivePage] = field(default_factory=list)
    last_ms: int = 0


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
    # Copies are published even if they change nothing, so each is looked at.
    others = range(len(records)) if copies_come else out.plain.read(records, pages, applied_to, future_limit_ms)
    for position in others:
        record = records[position]
        try:
            interaction = decode_interaction(record.value)  # type: ignore[arg-type]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError) as error:
            out.refusals.append(_refuse(record, error))
            continue
        if interaction.time_ms > record.timestamp + future_limit_ms:
            out.refusals.append(Refusal(record, "time_in_future", f"time_ms is {interaction.time_ms}"))
            continue
        platform = interaction.platform
        # A page on the shelf is loaded, or was put there by this slice and is among the missing.
        account = pages.get(platform + ":" + interaction.account)
        if account is None:
            slot = slot_of(platform, interaction.account)
            if slot not in marks:
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
            out.replayed.append((interaction, account, post))
            continue
        if post is not None and not post.account:
            # A new post belongs to the account that names it first; where Redis knows another one, that one holds.
            post.account = account.id
        placed.append((interaction, account, post))
        out.records.append(record)
        if copies_come and record.key is None:
            out.copies.append(placed[-1])
    last_ms = placed[-1][0].time_ms if placed else 0
    out.last_ms = out.plain.last_ms if not others or out.plain.last_position > others[-1] else last_ms
    return out


def place(record: Record, shelf: Shelf) -> Placed:
    """A record that is known to be an interaction whose pages are on the shelf."""
    interaction = decode_interaction(record.value)  # type: ignore[arg-type]
    account = shelf.pages[interaction.key]
    return interaction, account, shelf.pages[account.prefix + (interaction.post or "")]


def _refuse(record: Record, error: Exception) -> Refusal:
    if record.value is None:
        return Refusal(record, "no_value")
    if isinstance(error, msgspec.ValidationError):
        return Refusal(record, "schema", str(error)[:1000])
    return Refusal(record, "not_json", str(error)[:1000])
