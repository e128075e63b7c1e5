import http.client
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tabdiff.ui.limits import Limits
from tabdiff.ui.workshop import Workshop
from tests.ui.waiting import SECONDS, orders, wait_for

pytest.importorskip("starlette", reason="the page needs starlette: pip install 'tabdiff[ui]'")
uvicorn = pytest.importorskip("uvicorn", reason="the page needs uvicorn: pip install 'tabdiff[ui]'")

from tabdiff.ui import server  # noqa: E402

PAGE = Path(server.__file__).parent / "page"


class Client:
    """Speaks to a running page, as itself or as somebody else."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.host = f"127.0.0.1:{port}"

    def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """The status, the body and the headers of the answer; headers of None are left out."""
        own = {"Host": self.host, "Origin": f"http://{self.host}"} | (headers or {})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.putrequest(method, path, skip_host=True)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            own["Content-Length"] = str(len(body))
        for name, value in own.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        told = answer.status, answer.read(), answer.headers
        connection.close()
        return told

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """The JSON of the answer."""
        found, text, _ = self.send(method, path, body)
        assert found == status, text
        return json.loads(text)

    def drop(self) -> str:
        """The address of a new table."""
        text = orders().to_csv(index=False).encode()
        return "/tables/" + self.ask("POST", "/tables?name=orders.csv", text, 201)["secret"]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with server._bound(0) as listener, Workshop(Limits(bytes=10_000)) as workshop:
        port = listener.getsockname()[1]
        assert listener.getsockname()[0] == "127.0.0.1"
        config = uvicorn.Config(server.application(workshop, port), log_level="warning", ws="none")
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        yield Client(port)
        running.should_exit = True
        thread.join(SECONDS)
        assert not thread.is_alive()


def test_the_page_loads_nothing_from_elsewhere(client: Client):
    for name in ("", "page.css", "page.js"):
        status, text, headers = client.send("GET", f"/{name}")
        assert status == 200 and b"{{" not in text
        assert not re.search(rb"(?:https?:)?//[a-z]", text.replace(b"// ", b"")), name
        assert headers["Content-Security-Policy"].startswith(
            "default-src 'none'; script-src 'self'"
        )
        assert "http" not in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1.evil.example:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_requests_of_other_pages_are_refused(client: Client, headers: dict[str, str]):
    status, text, _ = client.send("POST", "/tables?name=t.csv", b"a\n1\n2\n", headers)
    assert status == 403
    assert b"secret" not in text


def test_a_request_without_a_host_is_no_http(client: Client):
    # The server closes as soon as it has read the head: a body still under way would reset it.
    status, text, _ = client.send("POST", "/tables?name=t.csv", headers={"Host": None})
    assert status == 400 and b"secret" not in text


def test_a_rebound_name_does_not_read_the_page_either(client: Client):
    elsewhere = {"Host": f"evil.example:{client.port}", "Origin": None}
    assert client.send("GET", "/", headers=elsewhere)[0] == 403
    assert client.send("GET", "/", headers={"Origin": None})[0] == 200
    local = {"Host": f"localhost:{client.port}", "Origin": None}
    assert client.send("GET", "/", headers=local)[0] == 200


def test_the_whole_way_over_http(client: Client):
    table = client.drop()
    state = client.ask("POST", f"{table}/kinds", {"kinds": {"shop": "categorical"}})
    assert state["columns"][0]["kind"] == "categorical"
    client.ask("POST", f"{table}/fit", {"minutes": 0.002, "set_aside": False})
    wait_for(lambda: client.ask("GET", table)["job"]["state"] == "done")
    asked = {"rows": 7, "seed": 1, "conditions": "sold=yes"}
    client.ask("POST", f"{table}/rows", asked)
    wait_for(lambda: client.ask("GET", table)["job"]["state"] == "done")
    _, rows, headers = client.send("GET", f"{table}/rows")
    assert len(rows.splitlines()) == 8 and "orders-synthetic.csv" in headers["Content-Disposition"]
    _, model, headers = client.send("GET", f"{table}/model")
    assert model[:2] == b"PK" and "orders.tabdiff" in headers["Content-Disposition"]
    assert client.send("DELETE", table)[0] == 204
    assert client.send("GET", f"{table}/model")[0] == 404


@pytest.mark.parametrize(
    ("verb", "body", "said"),
    [
        ("fit", {"minutes": "5"}, "Minutes must be a number"),
        ("fit", {"minutes": 0}, "Minutes must be above 0"),
        ("rows", {"rows": 2.5}, "Rows must be a whole number"),
        ("rows", {}, "How many rows"),
        ("rows", {"rows": 5}, "fit the table first"),
        ("kinds", {"kinds": {"shop": 1}}, "Kinds are an object"),
        ("kinds", {"kinds": {"size": "identifier"}}, "column 'size'"),
        ("report", [], "JSON object"),
        ("stop", b"{", "No JSON"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(client: Client, verb, body, said):
    table = client.drop()
    assert said in client.ask("POST", f"{table}/{verb}", body, status=400)["problem"]
    client.send("DELETE", table)


def test_one_tab_does_not_see_the_table_of_another(client: Client):
    first, second = client.drop(), client.drop()
    client.ask("POST", f"{first}/kinds", {"kinds": {"shop": "categorical"}})
    assert client.ask("GET", second)["columns"][0]["kind"] == "numeric"
    assert "no longer held" in client.ask("GET", "/tables/guessed", status=404)["problem"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("t.xlsx", b"a", "reads .csv and .tsv"),
        ("../../t.csv", b"", "t.csv: the file is empty"),
        ("t.csv", b"a\n" * 5_001, "too large: the page takes at most 0 MB"),
    ],
)
def test_files_that_are_no_table_or_too_large_are_refused(client: Client, name, text, said):
    assert said in client.ask("POST", f"/tables?name={name}", text, status=400)["problem"]


def test_a_port_that_is_taken_is_told_with_the_remedy(client: Client):
    with pytest.raises(OSError, match=f"Port {client.port} is taken.*--port"):
        server._bound(client.port)
