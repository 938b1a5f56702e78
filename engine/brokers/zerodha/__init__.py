"""Zerodha: live orders over Kite Connect, quotes and order news over its feed."""
