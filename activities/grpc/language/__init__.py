"""The language of `.proto` files: from text to descriptors.

Our own reader, because the text comes from strangers. The reader that exists, protoc, is C++ that
trusts its input: 60 KB of nested options overflow its stack and 9 KB of a long option name fail one
of its checks; inside a worker either ends the process, with the calls of all tenants in it. It also
holds the interpreter's lock meanwhile. Tests compare what both make of the same files.

Options are read past, but for the few that change what is sent; so are extensions, which have no
place in a message's JSON unless both sides know them. Groups and editions are refused by name.
"""

from activities.grpc.language.grammar import parsed

__all__ = ["parsed"]
