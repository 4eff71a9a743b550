"""What the adapters of the HTTP clients share: options, redirects, request bodies. Start with `base`."""
