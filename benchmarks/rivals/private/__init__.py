"""Methods with a guarantee of differential privacy, one per file: ``fit(task)`` gives a `Fitted`.

As beside this folder, a file is imported only in the environment of its method.
"""
