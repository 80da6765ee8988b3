"""One conversation and its one running generation; no textual, and no torch at import."""
