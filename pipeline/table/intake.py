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
from schemas.interaction import Interaction, decode_interaction


@dataclass(slots=True)
class Refusal:
    """A record that cannot be counted; `reason` is a short fixed word."""

    record: Record
    reason: str
    detail: str = ""


@dataclass(slots=True)
class Intake:
    """A slice, sorted out. `plain` are the likes and shares of known posts that are read without being decoded;
    `placed` the others to be counted, with their `records` and `places`, how many plain ones came before each;
    `replayed` were applied before a restart and are only to be published again; `misplaced` lie in a partition that
    does not own their slot; `copies` were misplaced elsewhere, are counted here, and are to be published even if they
    change nothing."""

    plain: Plain = field(default_factory=Plain)
    placed: list[Placed] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    replayed: list[Placed] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    misplaced: list[tuple[int, Record]] = field(default_factory=list)
    copies: list[Placed] = field(default_factory=list)
    missing: list[LivePage] = field(default_factory=list)

    @property
    def last_ms(self) -> int:
        """Event time of about the last one to be counted, 0 where there is none."""
        return self.plain.last_ms or (self.placed[-1][0].time_ms if self.placed else 0)


def take_in(
    records: Sequence[Record],
    shelf: Shelf,
    marks: Mapping[int, Mark],
    future_limit_ms: int,
    *,
    copies_come: bool = False,
) -> Intake:
    """Check each record and find its pages, decoding those that are not plain. The future is measured from the record's
    own timestamp (when we received it), so that a replay decides the same. `copies_come`: slots moved here, so records
    may be copies."""
    taking = _Taking(shelf, marks, future_limit_ms, copies_come=copies_come)
    if copies_come:
        # They are published even if they change nothing, so each record is looked at.
        for record in records:
            taking.take(record)
    else:
        taking.intake.plain.read(records, shelf.pages, taking.take, taking.applied_to, future_limit_ms)
    return taking.intake


class _Taking:
    """One slice, record by record in their order: which account names a new post first decides whose it is."""

    def __init__(self, shelf: Shelf, marks: Mapping[int, Mark], future_limit_ms: int, *, copies_come: bool) -> None:
        self.intake = Intake()
        self.shelf = shelf
        self.marks = marks
        self.future_limit_ms = future_limit_ms
        self.copies_come = copies_come
        #: Beyond this offset no record of ours was applied before, so no mark has to be looked at.
        self.applied_to = max(mark.offset for mark in marks.values())

    def take(self, record: Record) -> None:
        """One record that is not plain."""
        intake = self.intake
        try:
            interaction = decode_interaction(record.value)  # type: ignore[arg-type]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError) as error:
            intake.refusals.append(_refuse(record, error))
            return
        if interaction.time_ms > record.timestamp + self.future_limit_ms:
            intake.refusals.append(Refusal(record, "time_in_future", f"time_ms is {interaction.time_ms}"))
            return
        account = self._account(interaction, record)
        if account is None:
            return
        post = None if interaction.post is None else self._post(interaction.post, account)
        placed = interaction, account, post
        if record.offset < self.applied_to and record.offset < self.marks[account.slot].offset:
            intake.replayed.append(placed)
            return
        if post is not None and not post.account:
            # Where Redis knows another account of it, that one holds.
            post.account = account.id
        intake.placed.append(placed)
        intake.records.append(record)
        intake.places.append(len(intake.plain))
        if self.copies_come and record.key is None:
            intake.copies.append(placed)

    def _account(self, interaction: Interaction, record: Record) -> LivePage | None:
        """Its account's page: loaded, or put on the shelf by this slice and among the missing. None where its slot is
        not this partition's."""
        platform, account = interaction.platform, interaction.account
        page = self.shelf.pages.get(platform + ":" + account)
        if page is None:
            slot = slot_of(platform, account)
            if slot not in self.marks:
                self.intake.misplaced.append((slot, record))
                return None
            page = self.shelf.account(platform, account, slot)
            self.intake.missing.append(page)
        return page

    def _post(self, post: str, account: LivePage) -> LivePage:
        key = account.prefix + post
        page = self.shelf.pages.get(key)
        if page is None:
            page = self.shelf.post(key, account.platform, post, account.slot)
            self.intake.missing.append(page)
        return page


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
