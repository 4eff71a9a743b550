"""How a flow's effects are performed: threads, event loops and the token calls themselves. Start with `drive`."""
