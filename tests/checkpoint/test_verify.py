"""A folder is read whole: contents are held against what they should be, and every weight is a number."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from dgchat.checkpoint.verify import SUMS, VerifiedFile, verify
from dgchat.cli import run
from dgchat.engine.events import LoadProgress
from dgchat.errors import CheckpointError
from packed_tiny import DIALECTS, Dialect, plain_tensors, quantisation_json, quantise, write_packed
from tiny import tensors, write_checkpoint

NORM = "model.decoder.norm.weight"
FILES = [
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
]


def verified(folder: Path) -> list[VerifiedFile]:
    files: list[VerifiedFile] = []
    verify(folder, files.append)
    return files


def write_sums(folder: Path) -> None:
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in folder.iterdir()]
    (folder / SUMS).write_text("\n".join(lines) + "\n")


def in_hub_cache(repository: Path) -> Path:
    """A checkpoint as the Hugging Face cache keeps it: contents by their hashes, and a snapshot of links."""
    snapshot, blobs = repository / "snapshots" / ("0" * 40), repository / "blobs"
    blobs.mkdir(parents=True)
    for path in write_checkpoint(snapshot).iterdir():
        data = path.read_bytes()
        git_name = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        is_large = path.suffix == ".safetensors"
        blob = path.rename(blobs / (hashlib.sha256(data).hexdigest() if is_large else git_name))
        path.symlink_to(Path("../../blobs") / blob.name)
    return snapshot


def test_every_file_is_hashed_and_told_as_not_compared(tmp_path: Path):
    folder = write_checkpoint(tmp_path)
    files = verified(folder)
    assert [file.name for file in files] == FILES
    for file in files:
        data = (folder / file.name).read_bytes()
        assert (file.sha256, file.num_bytes) == (hashlib.sha256(data).hexdigest(), len(data))
        assert file.against is None


def test_a_list_of_sums_is_what_files_are_compared_with(tmp_path: Path):
    write_sums(write_checkpoint(tmp_path, shards=2))
    assert {file.against for file in verified(tmp_path)} == {"SHA256SUMS"}


def test_a_list_may_name_its_files_from_the_present_folder_on(tmp_path: Path):
    write_sums(write_checkpoint(tmp_path, shards=2))
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(sums.read_text(encoding="utf-8").replace("  ", "  ./"), encoding="utf-8")
    assert {file.against for file in verified(tmp_path)} == {"SHA256SUMS"}


def test_a_file_that_differs_from_its_sum_is_named(tmp_path: Path):
    write_sums(write_checkpoint(tmp_path))
    path = tmp_path / "generation_config.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(
        CheckpointError, match=r"generation_config\.json is not what was published.*SHA256SUMS"
    ):
        verify(tmp_path, lambda file: None)


def test_a_link_that_leads_elsewhere_is_no_file_of_the_folder(tmp_path: Path):
    folder = write_checkpoint(tmp_path / "mine")
    (tmp_path / "notes").write_text("mine")
    (folder / "README.md").symlink_to(tmp_path / "notes")
    assert [file.name for file in verified(folder)] == FILES


def test_a_file_that_is_listed_and_not_there_is_named(tmp_path: Path):
    write_sums(write_checkpoint(tmp_path))
    (tmp_path / "generation_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"generation_config\.json is missing"):
        verify(tmp_path, lambda file: None)


@pytest.mark.parametrize("line", ["nonsense", f"{'0' * 64}  ../secret", f"{'0' * 63}  config.json"])
def test_a_list_that_is_none_or_points_elsewhere_is_refused(tmp_path: Path, line: str):
    (write_checkpoint(tmp_path / "model") / SUMS).write_text(line)
    with pytest.raises(CheckpointError, match=r"SHA256SUMS|points out of"):
        verify(tmp_path / "model", lambda file: None)


def test_in_the_hubs_cache_names_are_hashes_of_either_kind(tmp_path: Path):
    files = verified(in_hub_cache(tmp_path / "models--google--tiny"))
    assert [file.name for file in files] == FILES
    assert {file.against for file in files} == {"Hugging Face cache"}


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_blob_whose_contents_are_not_those_of_its_name_is_named(tmp_path: Path, name: str):
    path = in_hub_cache(tmp_path / "models--google--tiny") / name
    data = bytearray(path.read_bytes())
    data[-1] = 0 if data[-1] else 1  # of the last weight
    path.resolve().write_bytes(data if name == "model.safetensors" else path.read_bytes() + b" ")
    with pytest.raises(CheckpointError, match=rf"{name} is not what was published.*Hugging Face cache"):
        verify(path.parent, lambda file: None)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_first_tensor_with_a_weight_that_is_no_number_is_named(
    tmp_path: Path, dtype: torch.dtype, value: float
):
    weights = tensors(dtype)
    weights[NORM][-1] = value
    write_checkpoint(tmp_path, weights, shards=2)
    with pytest.raises(CheckpointError, match=rf"0000\d-of-00002.*'{NORM}' holds a NaN or an infinity"):
        verify(tmp_path, lambda file: None)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_quantised_weights_are_searched_in_their_scales(tmp_path: Path, dialect: Dialect):
    packed, _ = quantise(dialect, plain_tensors(num_experts=4))
    write_packed(tmp_path, packed, quantisation_json(dialect), num_experts=4)
    verify(tmp_path, lambda file: None)
    name = next(name for name in sorted(packed) if name.endswith("weight_scale"))
    scale = packed[name].view(-1)
    if scale.dtype == torch.float8_e4m3fn:
        scale.view(torch.uint8)[-1] = 0xFF
    else:
        scale[-1] = float("nan")
    write_packed(tmp_path, packed, quantisation_json(dialect), num_experts=4)
    with pytest.raises(CheckpointError, match=f"'{name}' holds a NaN"):
        verify(tmp_path, lambda file: None)


def test_progress_ends_at_the_size_of_all_files(tmp_path: Path):
    folder = write_checkpoint(tmp_path, shards=3)
    heard: list[LoadProgress] = []
    verify(folder, lambda file: None, heard.append)
    total = sum(path.stat().st_size for path in folder.iterdir())
    assert {progress.total_bytes for progress in heard} == {total}
    done = [progress.done_bytes for progress in heard]
    assert done == sorted(done)
    assert done[-1] == total


def test_a_tensor_larger_than_the_buffer_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dgchat.checkpoint.verify.CHUNK_BYTES", 64)
    weights = tensors()
    weights[NORM][-1] = float("nan")
    folder = write_checkpoint(tmp_path, weights)
    with pytest.raises(CheckpointError, match=NORM):
        verify(folder, lambda file: None)
    write_checkpoint(tmp_path)
    found = {file.name: file.sha256 for file in verified(folder)}
    expected = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert found["model.safetensors"] == expected


def test_the_command_prints_a_line_a_file_and_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_sums(write_checkpoint(tmp_path))
    assert run(["models", "verify", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [*FILES, "in order"]
    assert all("as the SHA256SUMS has it" in line for line in lines[:-1])
    assert "data types and hashes;" in lines[-1]
    assert err == ""


def test_the_command_ends_with_3_and_the_first_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    weights = tensors()
    weights[NORM][0] = float("nan")
    write_checkpoint(tmp_path, weights)
    assert run(["models", "verify", str(tmp_path)]) == CheckpointError.exit_code == 3
    out, err = capsys.readouterr()
    assert "config.json: " in out
    assert err.count("\n") == 1
    assert f"model.safetensors: tensor '{NORM}' holds a NaN" in err


@pytest.mark.usefixtures("needs_bundled_model")
def test_the_bundled_model_is_in_order():
    from dgchat.paths import bundled_model

    assert "model.safetensors" in {file.name for file in verified(bundled_model())}


def test_the_command_claims_no_comparison_that_was_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(["models", "verify", str(write_checkpoint(tmp_path))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all("nothing here to compare it with" in line for line in lines[:-1])
    assert "the hashes of 0 of 5 files" in lines[-1]
