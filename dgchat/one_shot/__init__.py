"""One prompt, one answer: `dgchat --prompt`. The answer on stdout, the denoising in place on stderr."""
