"""The simulated broker: a whole exchange in the terminal, for trying things out and for playing history again."""

from engine.brokers.simulated.broker import SimulatedBroker

__all__ = ["SimulatedBroker"]
