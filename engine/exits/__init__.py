"""Ways out of a position that must come to pass: seen through, covered, and on time."""
