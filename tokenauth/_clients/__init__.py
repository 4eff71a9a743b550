"""Code shared by the adapters of the HTTP clients: options, redirects, request bodies. Start with `base`."""
