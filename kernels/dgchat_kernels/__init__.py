"""The operations a DiffusionGemma forward pass is made of, and the choice of who carries them out."""

from dgchat_kernels.ops import Ops, select
from dgchat_kernels.packed import NVFP4_BLOCK, FP8Experts, NVFP4Experts

__all__ = ["NVFP4_BLOCK", "FP8Experts", "NVFP4Experts", "Ops", "select"]
