"""The operations a DiffusionGemma forward pass is made of, and the choice of who carries them out."""

from dgchat_kernels.ops import Ops, select

__all__ = ["Ops", "select"]
