"""Strategies as you write them: a class, rules as data, or a function; read from a file, looked through, and stepped bar by bar."""
