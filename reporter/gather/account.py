"""What has become of the checkpoints of a run so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from reporter.errors import CheckpointError
from reporter.frozen import dataclass
from reporter.gather.checkpoint_in_series import CheckpointInSeries
from reporter.gather.measurer import Done
from reporter.model.checkpoint import CheckpointRef
from reporter.model.measured import Measured


@dataclass(frozen=True, slots=True)
class Failed:
    """A checkpoint that could not be measured, and why."""

    ref: CheckpointRef
    error: CheckpointError


@dataclass(frozen=True, slots=True)
class Account:
    """What the report says of checkpoints beside their numbers; grows with every series.

    Attributes:
        failed: by name, why a checkpoint could not be measured; it is not tried again in this run.
        remarks: by name, what to say of one that was measured.
        alone: by name, those that were measured by themselves before it was known which series they belong to. Empty
            where a cache remembers them.
        read, read_bytes: checkpoints that were measured in this run, and the bytes of their tensors.
    """

    failed: Mapping[str, CheckpointError] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)
    alone: Mapping[str, CheckpointInSeries] = field(default_factory=dict)
    read: int = 0
    read_bytes: int = 0

    def after(self, attempts: Iterable[Done | Failed], alone: Iterable[CheckpointInSeries] = ()) -> Account:
        """With what became of further checkpoints; the first remark on each stands.

        Args:
            attempts: in the order in which they were made.
            alone: those of them to be kept for the series that they will belong to.
        """
        failed, remarks, known = dict(self.failed), dict(self.remarks), dict(self.alone)
        read, read_bytes = self.read, self.read_bytes
        for attempt in attempts:
            if isinstance(attempt, Failed):
                failed[attempt.ref.name] = attempt.error
                continue
            for lost in attempt.lost:
                remarks.setdefault(lost.partner.name, lost.remark)
            known.pop(attempt.checkpoint.ref.name, None)  # it is in its series now
            read += attempt.read
            read_bytes += attempt.checkpoint.own.nbytes if attempt.read else 0
        known |= {one.ref.name: one for one in alone}
        return Account(failed, remarks, known, read, read_bytes)

    def known(self, ref: CheckpointRef) -> Measured | None:
        """The numbers of a checkpoint that was measured alone, and whose files have not changed since."""
        found = self.alone.get(ref.name)
        return found.own if found is not None and found.ref.files == ref.files else None
