"""Finding parameters, and finding out whether to believe them: see `study.py`; each judgement is a small module of its own."""
