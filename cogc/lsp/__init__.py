"""The language server: JSON-RPC over stdin and stdout, open texts, and what editors ask of them."""
