"""The bundled model's corpus: text written for it, and the generator that makes conversations of it."""
