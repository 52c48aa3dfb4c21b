"""Order and runs by the four witnesses, and series that have a folder for every step; values are not looked at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.discover import find
from reporter.discover.naming import Numbered
from reporter.discover.series import Member, alternatives, arrange, going_on, runs, stepwise
from reporter.model.checkpoint import CheckpointRef, Claim, Doubt, Found, Order, Peek, Series, Step
from tests.discover.test_find import Toy, names, scan, write


def write_in_time(folder: Path, files: dict[str, str]) -> None:
    """Files whose times rise in the order given."""
    for i, (name, content) in enumerate(files.items()):
        write(folder, **{name: content})
        os.utime(folder / name.replace("__", "/"), (1000 + i, 1000 + i))


def numbered(steps: list[int]) -> dict[str, str]:
    return {f"m-{i}": f"TOY{step}" for i, step in enumerate(steps, 1)}


def scan_counted(folder: Path) -> Found:
    """Toy files whose content is step and save counter, such as ``TOY20,3``."""

    def counted(claim: Claim) -> Peek:
        step, counter = claim.path.read_bytes()[3:].decode().split(",")
        return Peek(int(step), "toy step", save_counter=int(counter))

    return find([folder], [Toy()], counted, settle=0.0)


@pytest.mark.parametrize(
    ("steps", "runs"),
    [
        ([10, 20, 30, 10, 20, 30], [[1, 2, 3], [4, 5, 6]]),  # began anew
        ([10, 20, 30, 40, 8, 16, 24, 32], [[1, 2, 3, 4], [5, 6, 7, 8]]),  # resumed with another batch size
        ([10, 20, 30, 20, 30, 40], [[1, 2, 3], [4, 5, 6]]),  # went on from the second
        ([10, 20, 5, 15, 25, 1, 2], [[1, 2], [3, 4, 5], [6, 7]]),
    ],
)
def test_where_the_step_falls_while_names_and_times_rise_another_run_begins(
    tmp_path: Path, steps: list[int], runs: list[list[int]]
) -> None:
    write_in_time(tmp_path, numbered(steps))
    found = scan(tmp_path).series
    assert [[int(r.name[2:]) for r in s.checkpoints] for s in found] == runs
    assert [s.name for s in found] == [f"m-* [run {i}]" for i in range(1, len(runs) + 1)]
    for one in found:
        assert one.ordered_by is Order.IN_FILE
        assert [r.step.value for r in one.checkpoints] == [steps[int(r.name[2:]) - 1] for r in one.checkpoints]
        assert one.cautions == one.notes
        assert f"m-* holds {len(runs)} runs" in one.cautions[0]


@pytest.mark.parametrize(
    ("times", "turns"),
    [
        ([5, 6, 7, 8, 1, 2, 3], (4,)),  # the first four were overwritten by a later training
        ([7, 8, 4, 5, 1, 2], (2, 4)),  # and before by another
        ([1, 2, 3, 4], ()),
        ([4, 4, 4, 4], ()),  # as copying or unpacking leaves them
        ([5, 5, 3, 3], (2,)),
        ([3, 1, 4, 2], ()),  # copied in any order: the stretches 3, 1 4 and 2 do not follow each other
        ([1, 4, 2, 5], ()),
        ([9], ()),
    ],
)
def test_an_older_file_begins_a_run_only_where_the_times_are_those_of_trainings(
    tmp_path: Path, times: list[int], turns: tuple[int, ...]
) -> None:
    for i, time in enumerate(times, 1):
        write(tmp_path, **{f"m-{i}": f"TOY{10 * i}"})
        os.utime(tmp_path / f"m-{i}", (1000 + time, 1000 + time))
    (one,) = scan(tmp_path).series
    assert one.turns == turns


def test_equal_steps_stand_in_the_order_of_their_names_and_keep_their_steps(tmp_path: Path) -> None:
    """A final save repeats the last step: no step was made between the two."""
    write_in_time(tmp_path, numbered([10, 20, 30, 30]))
    (one,) = scan(tmp_path).series
    assert one.ordered_by is Order.IN_FILE
    assert [(r.name, r.step.value) for r in one.checkpoints] == [("m-1", 10), ("m-2", 20), ("m-3", 30), ("m-4", 30)]
    assert "same training step (30)" in one.notes[0]
    assert not one.cautions


def test_a_single_checkpoint_stands_at_the_step_inside(tmp_path: Path) -> None:
    write(tmp_path, **{"ckpt-7": "TOY700"})
    (one,) = scan(tmp_path).series
    assert [(r.step.value, r.step.source) for r in one.checkpoints] == [(700, Order.IN_FILE)]


def test_a_count_that_never_changes_orders_nothing_and_is_kept(tmp_path: Path) -> None:
    write_in_time(tmp_path, numbered([7, 7, 7]))
    (one,) = scan(tmp_path).series
    assert [(r.step.value, r.step.stored) for r in one.checkpoints] == [(1, 7), (2, 7), (3, 7)]


def test_the_save_counter_is_a_witness_against_the_names(tmp_path: Path) -> None:
    """Two runs that went on counting their saves; the numbers of the names are those of clients."""
    write(tmp_path, **{"m-9": "TOY1,1", "m-2": "TOY2,2", "m-5": "TOY3,3", "m-1": "TOY1,4", "m-7": "TOY2,5"})
    found = scan_counted(tmp_path).series
    assert names(Found((), found)) == {"m-* [run 1]": ["m-9", "m-2", "m-5"], "m-* [run 2]": ["m-1", "m-7"]}
    assert "save counter" in found[0].cautions[0]


def test_a_counter_that_rises_with_the_steps_outvotes_the_names(tmp_path: Path) -> None:
    write(tmp_path, **{"m-9": "TOY10,1", "m-2": "TOY20,2", "m-5": "TOY30,3"})
    (one,) = scan_counted(tmp_path).series
    assert names(Found((), (one,))) == {"m-*": ["m-9", "m-2", "m-5"]}
    assert "m-*: the numbers in the file names are in another order" in one.cautions[0]


def test_a_counter_that_began_anew_does_not_part_what_names_and_steps_hold_together(tmp_path: Path) -> None:
    write(tmp_path, **{"m-1": "TOY10,1", "m-2": "TOY20,2", "m-3": "TOY30,1", "m-4": "TOY40,2"})
    (one,) = scan_counted(tmp_path).series
    assert [r.name for r in one.checkpoints] == ["m-1", "m-2", "m-3", "m-4"]
    assert not one.cautions


def test_times_in_names_order_runs_that_count_their_epochs_alike(tmp_path: Path) -> None:
    labels = ["20240131-225959_e1", "20240131-235959_e2", "20240201-225959_e1", "20240201-235959_e2"]
    write(tmp_path, **dict.fromkeys(labels, "TOY?"))
    assert names(scan(tmp_path)) == {"*_e* [run 1]": labels[:2], "*_e* [run 2]": labels[2:]}


def test_times_in_names_are_no_steps(tmp_path: Path) -> None:
    labels = ["model_20240131-235959", "model_20240201-000500", "model_20240201-001000"]
    write(tmp_path, **dict.fromkeys(labels, "TOY?"))
    (one,) = scan(tmp_path).series
    assert [(r.name, r.step.value) for r in one.checkpoints] == [(label, None) for label in labels]
    assert one.ordered_by is Order.FILE_NAME


@pytest.mark.parametrize(
    ("files", "series"),
    [
        (
            ["checkpoint-500/adapter", "checkpoint-1000/adapter", "checkpoint-1000/ema"],
            {"checkpoint-*/adapter": [500, 1000], "checkpoint-1000/ema": [None]},
        ),
        (["epoch_02/model", "epoch_10/model", "epoch_01/model"], {"epoch_*/model": [1, 2, 10]}),
        (["a/42/m", "a/7/m", "b/42/m", "b/7/m"], {"a/*/m": [7, 42], "b/*/m": [7, 42]}),
        (["step_1/unet/m", "step_2/unet/m"], {"step_*/unet/m": [1, 2]}),
        (["e1/m-1", "e2/m-2"], {"e*/m-*": [1, 2]}),
        # no steps: runs, models, days, and folders that hold a series of their own
        (["run_1/m", "run_2/m"], {"run_1/m": [None], "run_2/m": [None]}),
        (["resnet18/m", "resnet50/m"], {"resnet18/m": [None], "resnet50/m": [None]}),
        (["20240131-180000/m", "20240201-180000/m"], {"20240131-180000/m": [None], "20240201-180000/m": [None]}),
        (["1/m-1", "1/m-2", "2/m-1", "2/m-2"], {"1/m-*": [1, 2], "2/m-*": [1, 2]}),
    ],
)
def test_one_folder_per_step_is_a_series(tmp_path: Path, files: list[str], series: dict[str, list[int | None]]) -> None:
    write(tmp_path, **{name.replace("/", "__"): "TOY?" for name in files})
    found = scan(tmp_path).series
    assert {s.name: [r.step.value for r in s.checkpoints] for s in found} == series
    levels = {"checkpoint-*/adapter": 1, "epoch_*/model": 1, "a/*/m": 1, "b/*/m": 1, "step_*/unet/m": 2, "e*/m-*": 1}
    assert [one.levels for one in found] == [levels.get(one.name, 0) for one in found]


def test_a_folder_that_is_a_checkpoint_is_a_step_as_well(tmp_path: Path) -> None:
    write(tmp_path, **{f"exports__{n}__saved__toy.dir": "" for n in (42, 100)})
    assert names(scan(tmp_path)) == {"exports/*/saved": ["exports/42/saved", "exports/100/saved"]}


def test_an_unreadable_step_costs_the_series_only_itself(tmp_path: Path) -> None:
    write(tmp_path, step_1__m="TOY?", step_2__m="TOYx", step_3__m="TOY?")
    (one,) = scan(tmp_path).series
    assert [r.name for r in one.checkpoints] == ["step_1/m", "step_3/m"]


MAYBE = st.none() | st.integers(0, 5)


@given(st.lists(st.tuples(MAYBE, MAYBE, MAYBE, st.integers(0, 5)), max_size=9))
def test_every_checkpoint_is_in_one_series_whatever_the_witnesses_say(
    witnesses: list[tuple[int | None, int | None, int | None, int]],
) -> None:
    members = [
        Member(
            CheckpointRef(
                f"m-{number}-{i}",
                f"m-{number}-{i}",
                Path(f"m-{number}-{i}"),
                "toy",
                (),
                Step(step, Order.IN_FILE) if step is not None else Step(None, Order.TIME),
                0,
                time,
            ),
            Numbered("m-#", number, () if number is None else (number,)),
            (),
            counter,
        )
        for i, (step, counter, number, time) in enumerate(witnesses)
    ]
    inside = {m.ref.name: m.ref.step.value for m in members}
    found = arrange(members)
    assert sorted(r.name for s in found for r in s.checkpoints) == sorted(m.ref.name for m in members)
    assert len({s.name for s in found}) == len(found)
    for one in found:
        steps = [r.step.value for r in one.checkpoints]
        if one.ordered_by is Order.IN_FILE:
            assert steps == sorted(s for s in steps if s is not None)
        assert all(r.step.stored == inside[r.name] for r in one.checkpoints)
        if one.doubt is not None:
            of_doubt = sorted(r.name for r in one.doubt.checkpoints)
            for made in made_of(one.doubt):
                assert sorted(r.name for s in made for r in s.checkpoints) == of_doubt


def made_of(doubt: Doubt) -> list[list[Series]]:
    """Whatever the values may say of a doubt."""
    by_step = [[stepwise(doubt)]] if doubt.by_step else []
    return [runs(doubt, doubt.falls[:1], ", why"), [going_on(doubt, ", why")], [alternatives(doubt)], *by_step]
