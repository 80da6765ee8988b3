"""`dgchat config`: where the settings lie, what holds and why, and an editor on them."""
