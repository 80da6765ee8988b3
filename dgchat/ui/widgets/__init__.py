"""One file per thing on the screen."""
