"""The kill switch: what it does once it is pressed, and what it tells of that."""
