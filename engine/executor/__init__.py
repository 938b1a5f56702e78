"""Strategies as they run: set up, started, paused, resumed, stopped, remembered; their wishes made orders."""
