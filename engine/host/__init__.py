"""A user's plain-Python strategy in a process of its own: what it does there can neither stop the window nor reach the account.

Inside (`inside`, `limits`) only the strategy's own world is imported; outside (`process`, `answers`) nothing that it says is believed.
"""
