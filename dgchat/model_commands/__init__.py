"""`dgchat models`: what can be opened, what of it is here, and fetching what is not."""
