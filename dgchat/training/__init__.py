"""The bundled model's corpus, objective and trainer: `python -m dgchat.training`."""
