"""How good, how useful and how private a synthetic table is: numbers, each beside its floor.

Nothing here needs a model or torch: any frame can be judged, whoever made it. Read it in the order
``tables`` (frames become floats and codes, once) → ``trends``, ``quality``, ``detection``,
``utility``, ``neighbours``, ``privacy`` (what is measured) → ``report`` (all of it) → ``html``.
Sequences: ``sequence_door`` (which rows belong together) → ``panel`` → ``dynamics``,
``entity_features`` → ``sequences``.
"""
