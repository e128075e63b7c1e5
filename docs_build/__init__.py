"""How the site in ``docs/`` is made: blocks run, equations set, names linked, pictures drawn."""
