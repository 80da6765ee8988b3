"""DiffusionGemma as modules and pure tensor functions: no files, no tokenizer, no generation loop."""
