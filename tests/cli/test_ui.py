import sys

from tabdiff.cli import BAD_INPUT, main


def test_without_the_extra_the_page_tells_what_to_install(monkeypatch, capsys):
    for name in list(sys.modules):
        if name.startswith(("tabdiff.ui.", "starlette", "uvicorn")):
            monkeypatch.delitem(sys.modules, name)
    for name in ("starlette", "uvicorn"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main(["ui", "--port", "0"]) == BAD_INPUT
    told = capsys.readouterr().err
    assert "the page needs uvicorn" in told and "pip install 'tabdiff[ui]'" in told


def test_a_port_that_is_none_is_refused(capsys):
    assert main(["ui", "--port", "70000"]) == BAD_INPUT
    assert "--port" in capsys.readouterr().err
