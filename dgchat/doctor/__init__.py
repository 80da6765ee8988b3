"""`dgchat doctor`: what this machine offers, and what dgchat makes of it and why; what a bug report needs."""
