"""`dgchat batch`: a file of prompts in, a file of answers out, which a rerun completes."""
