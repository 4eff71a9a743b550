"""How a flow's effects are performed: threads, event loops and token requests. Start with `drive`."""
