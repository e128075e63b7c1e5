"""Promises tried at numbers: one module a promise, its cases shared with its tests."""
