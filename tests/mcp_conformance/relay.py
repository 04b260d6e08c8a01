"""What the suite starts for each scenario: tells the running hub, and waits for its end.

Usage: `relay.py SOCKET URL`. Of the standard library alone, so that dozens at once start quickly.
"""

import json
import os
import socket
import sys


def main() -> None:
    told = {
        "url": sys.argv[2],
        "scenario": os.environ["MCP_CONFORMANCE_SCENARIO"],
        "context": json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}"),
    }
    with socket.socket(socket.AF_UNIX) as hub:
        hub.connect(sys.argv[1])
        hub.sendall(json.dumps(told).encode() + b"\n")
        while said := hub.recv(65_536):
            sys.stdout.write(said.decode())


if __name__ == "__main__":
    main()
