"""How a token is obtained and where it may go: plain logic, without threads, event loops, sockets or HTTP clients.

Start with `flow`: the whole story in five steps. `effects` lists what a flow may ask its driver for.
"""
