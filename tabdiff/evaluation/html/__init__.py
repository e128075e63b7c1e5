"""The report as one self-contained page: geometry in ``charts``, markup in the templates."""
