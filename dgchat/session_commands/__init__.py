"""The commands under `dgchat sessions`."""
