"""Between messages and token ids: tokenizer, chat template, thought channel."""
