"""What the command line ends with."""

OK, BELOW_THE_BAR, BAD_INPUT, DEFECT = 0, 1, 2, 3
INTERRUPTED, BROKEN_PIPE = 130, 141
