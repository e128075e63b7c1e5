"""What is compared: one module per method, each with ``fit(task)`` as `contract` describes it.

A rival runs in the environment of its family, made from the requirements file beside it, never in
the library's own. Modules are imported as ``benchmarks.rivals.<name>``, so that none hides the
package it adapts.
"""
