"""Promises tried at numbers: one module a promise, its cases shared with the tests of that promise."""
