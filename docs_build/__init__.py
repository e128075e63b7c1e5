"""How the site in ``docs/`` is made: pages run, equations set, docstrings linked, pictures drawn."""
