"""What wakes the trader up: prices, indicators, profit, limits, connection and events, told on the window, by sound and far away.

Alerts never trade. They look at what the session already knows, and each frame of ticks costs them a few comparisons.
"""
