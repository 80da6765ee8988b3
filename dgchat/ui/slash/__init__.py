"""What the slash commands do on the screen, one file per subject."""
