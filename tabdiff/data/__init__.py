"""Frames to tensors and back: the only place below the front door that knows pandas."""
