"""What is claimed of tabdiff, measured: one script, one question."""
