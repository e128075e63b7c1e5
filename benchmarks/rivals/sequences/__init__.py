"""Methods for sequences, one per file: ``fit(task)`` gives a `Fitted` that samples entities.

As beside this folder, a file is imported only in the environment of its method.
"""
