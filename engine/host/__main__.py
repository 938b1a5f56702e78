"""Where a strategy's process begins; its one argument is the socket that it was left, or none where it comes by standard input."""

import sys

from engine.host.inside import main

sys.exit(main(sys.argv[1:]))
