"""The fault harness, and what it was pointed at; README.md says how to add a fault."""
