"""Looking back at an answer: its recording, its histories, and the files they are exported to; no textual."""
