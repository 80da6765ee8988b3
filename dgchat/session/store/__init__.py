"""Conversations on disk: one SQLite database, written as things happen."""
