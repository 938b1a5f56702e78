"""The terminal: puts engine and widgets together, and is what the trader starts."""

VERSION = "0.1.0"
