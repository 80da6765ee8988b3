"""Checkpoints that are published: which are known, what the Hugging Face cache holds, and how to fetch one.

Nothing here imports torch, draws, or goes to the network before `look_up` or `download` is called.
"""
