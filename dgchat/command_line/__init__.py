"""The parts of the command line: flags, commands, and how they come by an engine."""
