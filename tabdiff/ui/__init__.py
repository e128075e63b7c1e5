"""A page on this computer for one table at a time: drop it, fit it, judge it, ask it.

`jobs` does one long thing after another in a thread; `reading` takes a table in within `limits`;
`workbench` is one table with all that is made of it; `workshop` keeps a few of them apart. None of
these knows the web. `door` refuses whoever is not the page itself, and `server` speaks HTTP.
"""
