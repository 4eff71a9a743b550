"""How a token is obtained and where it may go: plain logic, without threads, event loops, sockets or HTTP clients.

Start with `flow`: it is the whole story in five steps. `effects` lists what a flow may ask for.
"""
