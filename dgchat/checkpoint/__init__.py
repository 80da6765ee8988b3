"""Checkpoint folders, checked and opened."""

from dgchat.checkpoint.find import find_checkpoint
from dgchat.checkpoint.folder import Checkpoint, LoadedCheckpoint, open_checkpoint

__all__ = ["Checkpoint", "LoadedCheckpoint", "find_checkpoint", "open_checkpoint"]
