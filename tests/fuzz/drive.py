"""One target for some seconds: coverage-guided where atheris is installed, by plain mutation elsewhere.

    python -m tests.fuzz.drive TARGET SECONDS FOLDER [CHECKPOINT]

FOLDER receives the inputs that broke something; CHECKPOINT is the folder that a reader is fuzzed with.
"""

from __future__ import annotations

import faulthandler
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

MEGABYTES = 2048
HANG = 150
"""Seconds for one input: more than a child process with a library gets, which is stopped after its 120 s."""


def guided(target: Target, seconds: int, folder: Path) -> None:
    """With atheris, which does not return: its exit code is 0 only if nothing broke."""
    import atheris

    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(target.seeds):
        (corpus / f"seed{i}").write_bytes(seed)
    longest = max(len(seed) for seed in target.seeds)
    flags = [f"-max_total_time={seconds}", f"-rss_limit_mb={MEGABYTES}", f"-timeout={HANG}", "-seed=1"]
    flags += [f"-artifact_prefix={folder}/", f"-max_len={max(4096, 2 * longest)}", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], target.run)
    atheris.Fuzz()


def plain(target: Target, seconds: int, folder: Path) -> None:
    """Without: mutations of the seeds."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, until, runs = random.Random(1), time.monotonic() + seconds, 0
    while time.monotonic() < until:
        data = mutated(rng.choice(target.seeds), rng)
        last = folder / "last"
        last.write_bytes(data)  # what a crash of the process leaves behind
        faulthandler.dump_traceback_later(HANG, exit=True)
        target.run(data)
        faulthandler.cancel_dump_traceback_later()
        last.unlink()
        runs += 1
    print(f"stat::number_of_executed_units: {runs}", file=sys.stderr)


def mutated(seed: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, inserted, deleted, repeated or cut off."""
    data = bytearray(seed)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(data) + 1)
        size = rng.choice((1, 1, 2, 4, 8, 64))
        kind = rng.randrange(5)
        if kind == 0:
            data[at : at + size] = rng.randbytes(len(data[at : at + size]))
        elif kind == 1:
            data[at : at + 1] = bytes([rng.choice((0, 1, 0x7F, 0x80, 0xFF))])
        elif kind == 2:
            del data[at : at + size]
        elif kind == 3:
            data[at:at] = data[at : at + size]
        elif rng.random() < 0.1:
            del data[at:]
    return bytes(data)


def main() -> None:
    name, seconds, folder, *checkpoint = sys.argv[1:]
    faulthandler.enable()
    try:
        import atheris
    except ImportError:
        engine = plain
        from tests.fuzz import targets
    else:
        engine = guided
        with atheris.instrument_imports(include=["reporter"]):
            from tests.fuzz import targets
    target = targets.of_reader(Path(checkpoint[0])) if checkpoint else targets.TARGETS[name]
    engine(target, int(seconds), Path(folder))


if __name__ == "__main__":
    main()
