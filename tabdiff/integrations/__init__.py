"""Bridges to other tools; none of them is imported before it is asked for."""
