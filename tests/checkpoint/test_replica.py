"""The published repositories pass every check by their headers alone; a single fault in them does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
import torch

from dgchat.checkpoint import Checkpoint, open_checkpoint
from dgchat.checkpoint.plan import MemoryPlanner
from dgchat.errors import CheckpointError
from dgchat.hub.formats import read_configuration
from dgchat.hub.known import KNOWN, find_known
from replica import DECODER, EXPERTS, HIDDEN, INDEX, INNER, Replica, bf16_replica, nvfp4_replica

PATIENCE_SECONDS = 1.0
"""What is wrong must be said with no more work than this; other programs on the machine do not count."""

EMBEDDING = f"{DECODER}embed_tokens.weight"
NORM = f"{DECODER}norm.weight"
ROUTER = f"{DECODER}layers.17.router.proj.weight"
SCALAR = "model.encoder.language_model.layers.3.layer_scalar"
STACKED = f"{DECODER}layers.29.experts.down_proj"
EXPERT = f"{DECODER}layers.11.experts.127.down_proj."
FIRST, SECOND = "model-00001-of-00011.safetensors", "model-00002-of-00011.safetensors"


@pytest.fixture(scope="module")
def bf16(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bf16_replica().write(tmp_path_factory.mktemp("bf16"))


@pytest.fixture(scope="module")
def nvfp4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nvfp4_replica().write(tmp_path_factory.mktemp("nvfp4"))


def shard_sizes(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.iterdir() if path.suffix == ".safetensors"]


def stored_bytes(checkpoint: Checkpoint) -> int:
    return sum(header.num_bytes for header in checkpoint.headers.values())


def test_the_bf16_replica_has_the_published_size_and_passes(bf16: Path):
    sizes = shard_sizes(bf16)
    assert len(sizes) == 11
    assert sum(sizes) == pytest.approx(51.65e9, abs=5e6)
    checkpoint = open_checkpoint(bf16)
    assert (checkpoint.quantisation, checkpoint.dtype) == ("none", torch.bfloat16)
    assert len(checkpoint.headers) == 691


def test_the_nvfp4_replica_has_the_published_count_and_size_and_passes(nvfp4: Path):
    assert sum(len(shard) for shard in nvfp4_replica().shards.values()) == 47_067
    sizes = shard_sizes(nvfp4)
    assert len(sizes) == 2
    # how the published headers are spaced is not known: five bytes a tensor
    assert sum(sizes) == pytest.approx(18_823_855_888, abs=5 * 47_067 + 1000)
    checkpoint = open_checkpoint(nvfp4)
    assert (checkpoint.quantisation, checkpoint.dtype) == ("nvfp4", torch.bfloat16)
    assert len(checkpoint.headers) == 631 + 30 * EXPERTS * 3 * 3


@pytest.mark.parametrize("device", ["cuda", "cpu", "mps"])
@pytest.mark.parametrize("name", [known.name for known in KNOWN])
def test_what_is_planned_before_a_byte_is_fetched_is_what_the_headers_will_say(
    request: pytest.FixtureRequest, name: str, device: str
):
    folder: Path = request.getfixturevalue("nvfp4" if name.endswith("NVFP4") else "bf16")
    known = find_known(name)
    assert known is not None
    planned = MemoryPlanner.of_configuration(known.configuration(), device)
    assert planned == MemoryPlanner.of(open_checkpoint(folder), device)
    assert planned == MemoryPlanner.of_configuration(read_configuration(folder), device)


@pytest.mark.skipif(os.name == "nt", reason="POSIX tells how much of a file is a hole")
def test_a_cap_of_23_gib_holds_a_prefix_of_32k_in_nvfp4(nvfp4: Path):
    planner = MemoryPlanner.of(open_checkpoint(nvfp4), "cuda")
    assert planner.plan(32_768 + 1024).total_bytes <= 23 * 2**30


def test_a_replica_takes_no_disk_to_speak_of(bf16: Path):
    assert sum(path.stat().st_blocks * 512 for path in bf16.iterdir()) < 10e6


@pytest.mark.parametrize(("name", "gigabytes"), [("bf16", 50.5), ("nvfp4", 17.7)])
def test_the_planned_weights_are_the_published_text_weights(
    request: pytest.FixtureRequest, name: str, gigabytes: float
):
    checkpoint = open_checkpoint(request.getfixturevalue(name))
    planned = MemoryPlanner.of(checkpoint, "cuda").weights_bytes
    assert round(planned / 1e9, 1) == gigabytes
    assert planned == stored_bytes(checkpoint)


def test_on_a_cpu_all_that_is_not_packed_is_planned_in_fp32(nvfp4: Path):
    checkpoint = open_checkpoint(nvfp4)
    packed = 30 * EXPERTS * 3 * (INNER * HIDDEN * 9 // 16 + 4)
    wide = 2 * (stored_bytes(checkpoint) - packed)
    assert MemoryPlanner.of(checkpoint, "cpu").weights_bytes == packed + wide


def test_the_nvfp4_twin_of_a_bf16_plan_is_the_nvfp4_checkpoint(bf16: Path, nvfp4: Path):
    twin = MemoryPlanner.of(open_checkpoint(bf16), "cuda").in_nvfp4()
    global_scales = 30 * EXPERTS * 3 * 4
    assert (
        twin.weights_bytes == MemoryPlanner.of(open_checkpoint(nvfp4), "cuda").weights_bytes - global_scales
    )


Change = Callable[[Replica], object]


def refuse(folder: Path, *words: str) -> None:
    began = process_time()
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(folder)
    assert process_time() - began < PATIENCE_SECONDS
    assert all(word in str(caught.value) for word in words), str(caught.value)


def _swap_files_in_index(replica: Replica) -> None:
    replica.index[NORM] = next(file for file in replica.shards if file != replica.index[NORM])


def _duplicate(replica: Replica) -> None:
    file = replica.index[NORM]
    other = next(file for file in replica.shards if file != replica.index[NORM])
    replica.add(NORM, "BF16", (HIDDEN,), other)
    replica.index[NORM] = file


def _leave_a_hole(replica: Replica) -> None:
    for entry in list(replica.shards[SECOND].values())[1:]:
        entry["data_offsets"] = [place + 2 for place in entry["data_offsets"]]


def _overlap(replica: Replica) -> None:
    second = list(replica.shards[SECOND].values())[1]
    second["data_offsets"][0] -= 2


def _shape_against_bytes(replica: Replica) -> None:
    replica.entry(NORM)["shape"] = [HIDDEN + 1]


def _overflowing_shape(replica: Replica) -> None:
    replica.entry(NORM)["shape"] = [2**62, 2**62]


def _fewer_experts(replica: Replica) -> None:
    replica.config["text_config"]["num_experts"] = EXPERTS - 1


BF16_FAULTS: dict[str, tuple[Change, tuple[str, ...]]] = {
    "missing router": (lambda replica: replica.remove(ROUTER), (INDEX, ROUTER, "missing")),
    "missing experts": (lambda replica: replica.remove(STACKED), (INDEX, STACKED, "missing")),
    "missing encoder scalar": (lambda replica: replica.remove(SCALAR), (INDEX, SCALAR, "missing")),
    "missing embedding": (lambda replica: replica.remove(EMBEDDING), (EMBEDDING, "missing")),
    "swapped shape": (
        lambda replica: replica.change(STACKED, shape=[EXPERTS, INNER, HIDDEN]),
        (STACKED, "[128, 704, 2816]", "[128, 2816, 704]"),
    ),
    "one row short": (lambda replica: replica.change(ROUTER, shape=[127, HIDDEN]), (ROUTER, "[127, 2816]")),
    "one axis more": (lambda replica: replica.change(NORM, shape=[1, HIDDEN]), (NORM, "[1, 2816]")),
    "wrong dtype": (lambda replica: replica.change(NORM, dtype="U8"), (NORM, "U8")),
    "packed where nothing is": (
        lambda replica: replica.change(ROUTER, dtype="F8_E4M3"),
        (ROUTER, "F8_E4M3"),
    ),
    "stray tensor": (
        lambda replica: replica.add(f"{DECODER}layers.30.layer_scalar", "BF16", (1,)),
        ("layers.30.layer_scalar", "not part of this architecture"),
    ),
    "untied head": (
        lambda replica: replica.add("lm_head.weight", "BF16", (262_144, HIDDEN)),
        ("lm_head.weight", "not part of this architecture"),
    ),
    "values in a full layer": (
        lambda replica: replica.add(f"{DECODER}layers.5.self_attn.v_proj.weight", "BF16", (1024, HIDDEN)),
        ("layers.5.self_attn.v_proj.weight", "not part of this architecture"),
    ),
    "tensor in two shards": (_duplicate, (NORM, "is in both")),
    "lying index": (_swap_files_in_index, (NORM, "which the index puts there, is missing")),
    "index with a tensor too many": (
        lambda replica: replica.index.update({"ghost": FIRST}),
        (FIRST, "'ghost'", "missing"),
    ),
    "traversal in the index": (
        lambda replica: replica.index.update({NORM: "../model.safetensors"}),
        ("'../model.safetensors'", "points out of the checkpoint folder"),
    ),
    "absolute path in the index": (
        lambda replica: replica.index.update({NORM: "/etc/passwd"}),
        ("'/etc/passwd'", "points out of the checkpoint folder"),
    ),
    "hole": (_leave_a_hole, (SECOND, "not a whole safetensors file")),
    "overlap": (_overlap, (SECOND, "not a whole safetensors file")),
    "shape against bytes": (_shape_against_bytes, ("not a whole safetensors file",)),
    "overflowing shape": (_overflowing_shape, ("not a whole safetensors file",)),
    "config with fewer experts": (_fewer_experts, ("layers.0.router.proj.weight", "[127, 2816]")),
}


@pytest.mark.parametrize("fault", BF16_FAULTS)
def test_a_fault_in_the_bf16_repository_is_named(tmp_path: Path, fault: str):
    change, words = BF16_FAULTS[fault]
    replica = bf16_replica()
    change(replica)
    refuse(replica.write(tmp_path), *words)


def _extend(path: Path) -> None:
    os.truncate(path, path.stat().st_size + 1)


def _shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _cut_in_the_header(path: Path) -> None:
    os.truncate(path, 100)


def _claim_a_header_of(length: int) -> Callable[[Path], None]:
    def claim(path: Path) -> None:
        with path.open("r+b") as stream:
            stream.write(length.to_bytes(8, "little"))

    return claim


def _link_out(path: Path) -> None:
    moved = path.rename(path.parent.parent / "outside.safetensors")
    path.symlink_to(moved)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_extend, "not a whole safetensors file"),
        (_shorten, "not a whole safetensors file"),
        (_cut_in_the_header, "not a whole safetensors file"),
        (_claim_a_header_of(2**63), "not a whole safetensors file"),
        (_claim_a_header_of(200 * 2**20), "not a whole safetensors file"),
        (Path.unlink, "is missing"),
        (_link_out, "link that points out of the checkpoint folder"),
    ],
    ids=["trailing byte", "truncated", "cut header", "endless header", "huge header", "no shard", "link out"],
)
def test_a_shard_that_is_not_whole_is_named(tmp_path: Path, spoil: Callable[[Path], object], words: str):
    folder = bf16_replica().write(tmp_path / "replica")
    spoil(folder / SECOND)
    refuse(folder, SECOND, words)


def _unquantised_expert(replica: Replica) -> None:
    replica.change(f"{EXPERT}weight", dtype="BF16", shape=[HIDDEN, INNER])


def _wider_blocks(replica: Replica) -> None:
    replica.config["quantization_config"]["group_size"] = 32


def _two_formats(replica: Replica) -> None:
    replica.extra["hf_quant_config.json"]["quantization"] = {"quant_algo": "FP8_PER_CHANNEL_PER_TOKEN"}


NVFP4_FAULTS: dict[str, tuple[Change, tuple[str, ...]]] = {
    "missing expert": (lambda replica: replica.remove(f"{EXPERT}weight"), (f"{EXPERT}weight'", "missing")),
    "missing block scale": (
        lambda replica: replica.remove(f"{EXPERT}weight_scale"),
        (f"{EXPERT}weight_scale'", "missing"),
    ),
    "missing global scale": (
        lambda replica: replica.remove(f"{EXPERT}weight_scale_2"),
        (f"{EXPERT}weight_scale_2'", "missing"),
    ),
    "block scales for blocks of 32": (
        lambda replica: replica.change(f"{EXPERT}weight_scale", shape=[HIDDEN, INNER // 32]),
        (f"{EXPERT}weight_scale'", "[2816, 22]", "[2816, 44]"),
    ),
    "block scales in bf16": (
        lambda replica: replica.change(f"{EXPERT}weight_scale", dtype="BF16"),
        (f"{EXPERT}weight_scale'", "BF16"),
    ),
    "global scale per row": (
        lambda replica: replica.change(f"{EXPERT}weight_scale_2", shape=[HIDDEN]),
        (f"{EXPERT}weight_scale_2'", "[2816]"),
    ),
    "global scale in bf16": (
        lambda replica: replica.change(f"{EXPERT}weight_scale_2", dtype="BF16"),
        (f"{EXPERT}weight_scale_2'", "BF16"),
    ),
    "one code a byte": (
        lambda replica: replica.change(f"{EXPERT}weight", shape=[HIDDEN, INNER]),
        (f"{EXPERT}weight'", "[2816, 704]", "[2816, 352]"),
    ),
    "an expert that is not quantised": (_unquantised_expert, (f"{EXPERT}weight'",)),
    "an expert too many": (
        lambda replica: replica.add(f"{DECODER}layers.0.experts.128.up_proj.weight", "U8", (INNER, 1408)),
        ("experts.128.up_proj.weight", "not part of this architecture"),
    ),
    "stacked bf16 experts beside": (
        lambda replica: replica.add(STACKED, "BF16", (EXPERTS, HIDDEN, INNER)),
        (STACKED, "not part of this architecture"),
    ),
    "missing router": (lambda replica: replica.remove(ROUTER), (ROUTER, "missing")),
    "a config with blocks of 32": (_wider_blocks, ("config.json", "group_size", "32")),
    "configs that differ": (_two_formats, ("config.json", "hf_quant_config.json")),
}


@pytest.mark.parametrize("fault", NVFP4_FAULTS)
def test_a_fault_in_the_nvfp4_repository_is_named(tmp_path: Path, fault: str):
    change, words = NVFP4_FAULTS[fault]
    replica = nvfp4_replica()
    change(replica)
    refuse(replica.write(tmp_path), *words)


def test_activation_scales_are_not_missed(tmp_path: Path):
    replica = nvfp4_replica()
    replica.remove(f"{EXPERT}input_scale")
    assert open_checkpoint(replica.write(tmp_path))
