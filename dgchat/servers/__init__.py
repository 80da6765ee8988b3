"""Chat servers that speak the OpenAI protocol: vLLM, SGLang, Ollama, llama.cpp and hosted ones."""
