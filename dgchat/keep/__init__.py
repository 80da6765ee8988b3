"""The process that loaded a model stays: `--keep 10m`, `dgchat ps`, `dgchat stop`.

A keeper is a process of its own from the start: the first one-shot forks it before anything heavy is
imported, it loads the model, and that one-shot asks it over a Unix socket as every later one does.
"""
