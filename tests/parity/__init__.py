"""Parity with transformers: the same checkpoints, the same draws, the same numbers."""
