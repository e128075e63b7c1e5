"""What counts as covered: shares of lines and branches, and which files are of the kernel."""

from benchmarks.trials.coverage import of_kernel, share


def test_shares_are_of_all_lines_or_all_branches():
    one = {"covered_lines": 9, "num_statements": 10, "covered_branches": 1, "num_branches": 4}
    two = {"covered_lines": 30, "num_statements": 30, "covered_branches": 4, "num_branches": 4}
    assert share([one], "lines") == 90.0
    assert share([one, two], "lines") == 97.5
    assert share([one, two], "branches") == 62.5


def test_the_kernel_is_what_draws_learns_and_encodes():
    assert of_kernel("tabdiff/data/parts.py")
    assert of_kernel("tabdiff/data/constraints/checks.py")
    assert not of_kernel("tabdiff/synthesizer.py")
    assert not of_kernel("tabdiff/cli/talk.py")
