"""The brokers; each in a folder of its own, found by its name."""
