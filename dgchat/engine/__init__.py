"""The engine: messages in, denoising steps out. Torch lives here; screens do not."""
