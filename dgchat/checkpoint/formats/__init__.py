"""The formats that weights are stored in: which one a folder has, and what it must then hold."""
