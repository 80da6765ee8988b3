"""The same weights writing one token at a time: the causal encoder predicts each next token."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from dgchat.checkpoint.folder import LoadedCheckpoint
from dgchat.engine.events import ChatMessage
from dgchat.engine.kv_cache import KVCache
from dgchat.engine.prompt import PromptLimits, build_prompt


@torch.inference_mode()
def write_autoregressively(loaded: LoadedCheckpoint, messages: Sequence[ChatMessage], limit: int) -> str:
    """The likeliest answer token by token, up to the end of the turn or `limit` tokens."""
    context = loaded.model.config.max_position_embeddings - limit
    limits = PromptLimits(context, context, loaded.generation.max_turns)
    new = build_prompt(messages, False, loaded.template, loaded.tokenizer, limits).token_ids
    cache = KVCache(loaded.model.config, loaded.device, loaded.dtype)
    answer: list[int] = []
    while len(answer) < limit:
        token = _next_token(loaded, cache, new)
        if token in loaded.tokenizer.end_ids:
            break
        answer.append(token)
        new = [token]
    return loaded.tokenizer.decode(answer).strip()


def _next_token(loaded: LoadedCheckpoint, cache: KVCache, new: list[int]) -> int:
    where = torch.zeros(1, len(new), dtype=torch.bool, device=loaded.device)
    where[0, -1] = True
    ids = torch.tensor([new], device=loaded.device)
    logits = loaded.model.next_token_logits(ids, cache, where)
    cache.commit(new)
    return int(logits[0].argmax())
