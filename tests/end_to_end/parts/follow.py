"""A browser for tests: opens the address it is given and goes where it is sent, as after a password and a TOTP."""

import sys
import urllib.request

urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], timeout=30).read()
