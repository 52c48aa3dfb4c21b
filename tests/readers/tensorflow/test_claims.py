"""What is claimed, and with which problem: by content, never by name alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reporter.errors import (
    CheckpointError,
    CorruptCheckpoint,
    NotDownloaded,
    PartialCheckpoint,
    RefusedCheckpoint,
    RotatedAway,
    UnsupportedCheckpoint,
)
from reporter.model.reader import Reader
from reporter.readers.tensorflow import BundleReader, SavedModelReader, V1Reader

READERS: tuple[Reader, ...] = (BundleReader(), SavedModelReader(), V1Reader())


@pytest.fixture
def bundle(handmade: Any, tmp_path: Path) -> Path:
    raw = np.arange(6, dtype="float32").tobytes()
    entries = {b"dense/kernel": handmade.entry(1, (2, 3), 0, 24, handmade.masked(raw))}
    return Path(handmade.bundle(tmp_path / "ckpt-1", entries, raw))


def test_a_bundle(bundle: Path, claims: Any) -> None:
    (claim,) = claims(bundle.parent)
    assert (claim.format, claim.path, claim.label, claim.problem) == ("tf-bundle", bundle, "ckpt-1", "")
    assert [m.name for m in claim.members] == ["ckpt-1.index", "ckpt-1.data-00000-of-00001"]


def test_names_that_only_look_alike(bundle: Path, claims: Any) -> None:
    """Another bundle whose prefix continues this one's, and files of a save that is going on."""
    folder = bundle.parent
    for suffix in (".index", ".data-00000-of-00001"):
        shutil.copy(f"{bundle}{suffix}", folder / f"ckpt-10{suffix}")
        shutil.copy(f"{bundle}{suffix}", folder / f"ckpt-1{suffix}.tempstate123")
        (folder / "ckpt-2_temp").mkdir(exist_ok=True)
        shutil.copy(f"{bundle}{suffix}", folder / "ckpt-2_temp" / f"part-00000-of-00001{suffix}")
    assert [(c.label, len(c.members), c.problem) for c in claims(folder)] == [("ckpt-1", 2, ""), ("ckpt-10", 2, "")]
    assert claims(folder / "ckpt-2_temp") == []


@pytest.mark.parametrize("cut", [0, 1, 47, 60, -1])
def test_an_index_cut_off(bundle: Path, claims: Any, cut: int) -> None:
    index = Path(f"{bundle}.index")
    index.write_bytes(index.read_bytes()[:cut])
    (claim,) = claims(bundle.parent)
    assert (claim.path, claim.state) == (bundle, "corrupt")
    assert "cut off" in claim.problem
    with pytest.raises(CorruptCheckpoint):
        BundleReader().open(bundle).__enter__()
    Path(f"{bundle}.data-00000-of-00001").unlink()
    assert claims(bundle.parent) == []  # any file may be called so


def test_an_index_that_is_no_header(bundle: Path, claims: Any) -> None:
    index = Path(f"{bundle}.index")
    index.write_bytes(b"\xff" * 20 + index.read_bytes()[20:])
    (claim,) = claims(bundle.parent)
    assert claim.state == "corrupt"
    assert "header" in claim.problem


def test_data_without_index(bundle: Path, claims: Any) -> None:
    Path(f"{bundle}.index").unlink()
    for i in (1, 2):
        Path(f"{bundle}.data-0000{i}-of-00003").write_bytes(b"x")
    (claim,) = claims(bundle.parent)
    assert (claim.path, claim.label, claim.state, len(claim.members)) == (bundle, "ckpt-1", "partial", 3)
    assert claim.problem == "no .index: being saved, rotated away, or an orphan"
    with pytest.raises(PartialCheckpoint, match=r"ckpt-1\.index: the file is missing"):
        BundleReader().open(bundle).__enter__()


def test_an_index_without_data(bundle: Path, claims: Any) -> None:
    Path(f"{bundle}.data-00000-of-00001").unlink()
    (claim,) = claims(bundle.parent)
    assert claim.state == "partial"
    assert "1 of 1 is missing: ckpt-1.data-00000-of-00001" in claim.problem
    with pytest.raises(PartialCheckpoint, match=r"ckpt-1\.data-00000-of-00001 is missing: 24 bytes"):
        BundleReader().open(bundle).__enter__()


def test_an_index_by_another_name(bundle: Path, claims: Any) -> None:
    moved = Path(f"{bundle}.index").rename(bundle.parent / "ckpt-1.index (1)")
    found = {claim.path: claim for claim in claims(bundle.parent)}
    assert found[moved].state == "partial"
    assert "does not end in .index" in found[moved].problem
    assert found[bundle].state == "partial"  # its data files, now orphans


def test_shards_of_a_bundle(shared_data: Path, tmp_path: Path, claims: Any) -> None:
    source = shared_data / "single/transformer-tf1-2shards/tensor2tensor/test_data/transformer_test_ckpt"
    for path in source.glob("model.ckpt-1.*"):
        shutil.copy(path, tmp_path)
    (claim,) = claims(tmp_path)
    assert len(claim.members) == 3
    data = tmp_path / "model.ckpt-1.data-00001-of-00002"
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(
        PartialCheckpoint, match="data-00001-of-00002 has 1670407 bytes where the index expects 1670408"
    ):
        BundleReader().open(tmp_path / "model.ckpt-1").__enter__()
    data.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1670408\n")
    with pytest.raises(NotDownloaded, match="git lfs pull"):
        BundleReader().open(tmp_path / "model.ckpt-1").__enter__()
    data.unlink()
    (claim,) = claims(tmp_path)
    assert "data file 2 of 2 is missing" in claim.problem


def test_every_real_folder(shared_data: Path, claims: Any) -> None:
    """All checkpoints of TensorFlow in the shared data and nothing else."""
    found = []
    for folder in sorted(path for path in shared_data.rglob("*") if path.is_dir()):
        found += claims(folder)
    labels = [(c.format, c.state) for c in found]
    saved_models = [p.parent for p in shared_data.rglob("saved_model.pb*")]
    indexes = list(shared_data.rglob("*.index"))
    assert labels.count(("savedmodel", "")) == len(saved_models) == 15
    # Discovery does not descend into a claimed SavedModel; this loop does, so each variables.index is claimed as well.
    assert sum(c.format == "tf-bundle" for c in found) == len(indexes) == 79
    assert [c.path.parent.name for c in found if c.problem] == ["resnet50"]
    v1 = [(c.path.name, c.label) for c in found if c.format == "tf-v1"]
    assert v1 == [("model.ckpt", "model.ckpt"), ("export", "export"), ("export-00000-of-00001", "export")]


def test_v1_behind_an_index_name(shared_data: Path, tmp_path: Path, claims: Any) -> None:
    shutil.copy(shared_data / "single/acrobot-tf1-v1/model.ckpt", tmp_path / "x.index")
    (tmp_path / "x.data-00000-of-00001").write_bytes(b"")
    assert [(c.format, c.path.name, c.problem) for c in claims(tmp_path)] == [("tf-v1", "x.index", "")]
    with pytest.raises(UnsupportedCheckpoint, match="rename it"):
        BundleReader().open(tmp_path / "x").__enter__()


def test_a_pipe_does_not_hang(bundle: Path) -> None:
    for suffix in (".data-00000-of-00001", ".index"):
        path = Path(f"{bundle}{suffix}")
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(RefusedCheckpoint, match="not a regular file"):
            BundleReader().open(bundle).__enter__()


def test_rotation_while_reading(bundle: Path) -> None:
    data = Path(f"{bundle}.data-00000-of-00001")
    content = data.read_bytes()
    with BundleReader().open(bundle) as contents:
        data.unlink()
        with pytest.raises(RotatedAway, match="deleted"):
            list(contents.tensors[0].blocks())
    data.write_bytes(content)
    with BundleReader().open(bundle) as contents:
        data.unlink()
        data.write_bytes(content[:-4] + b"\0\0\0\0")
        with pytest.raises(RotatedAway, match="replaced"):
            list(contents.tensors[0].blocks())
    data.write_bytes(content)
    with BundleReader().open(bundle) as contents:
        stream = contents.tensors[0].blocks()
        contents.tensors[0].blocks().__next__()
        os.truncate(data, 10)
        with pytest.raises(PartialCheckpoint, match="cut off while being read"):
            next(stream)


def test_an_open_file_outlives_its_name(bundle: Path) -> None:
    with BundleReader().open(bundle) as contents:
        expected = next(contents.tensors[0].blocks()).tobytes()
        Path(f"{bundle}.data-00000-of-00001").unlink()
        assert next(contents.tensors[0].blocks()).tobytes() == expected


def test_without_positioned_reads(bundle: Path, monkeypatch: pytest.MonkeyPatch, read: Any) -> None:
    """Windows has no preadv."""
    expected = read(bundle).by_key["dense/kernel"].tobytes()
    monkeypatch.delattr(os, "preadv")
    assert read(bundle).by_key["dense/kernel"].tobytes() == expected


def test_no_permission(bundle: Path) -> None:
    for path in (Path(f"{bundle}.data-00000-of-00001"), Path(f"{bundle}.index")):
        path.chmod(0)
        if os.access(path, os.R_OK):
            pytest.skip("this user may read everything")
        with pytest.raises(CheckpointError, match="denied"), BundleReader().open(bundle) as contents:
            list(contents.tensors[0].blocks())


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.name)
def test_anything_may_be_opened(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "text.index").write_text("hello")
    for path in (tmp_path, tmp_path / "text", tmp_path / "missing", tmp_path / ("x" * 300), Path("a\0b")):
        with pytest.raises(CheckpointError):
            reader.open(path).__enter__()
