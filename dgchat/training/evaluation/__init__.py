"""What the bundled model is asked in its test, and how its answers are judged."""
