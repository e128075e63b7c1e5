"""Networks that look at a noisy row and say what the clean one was."""
