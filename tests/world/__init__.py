"""The others, for real: what stands between an auth object and the wire in real programs, each from its own package.

`scene.py` has the servers, `worlds.py` one world for each way in which a program sends its requests, and
`test_behaviours.py` what must hold in every one of them. What concerns one world only is in the file of its kind.

    uv run --group world pytest tests/world
"""
