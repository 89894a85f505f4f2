"""What a server sees of a request's path at each level of --path-normalization."""
import pytest

from conftest import town_objects
from sluice_testing.http1 import HttpConnection
from sluice_testing.mesh import Mesh
from sluice_testing.wait import wait_until

SENT = ("/a/../b", "/../b", "/a\\b", "/a//b", "/a%2fb", "/%41")
LEVELS = {
    "strict": ["/b", 400, 400, "/a//b", 400, "/A"],
    "none": list(SENT),
    "base": ["/b", "/b", "/a/b", "/a//b", "/a%2Fb", "/A"],
    "merge-slashes": ["/b", "/b", "/a/b", "/a/b", "/a%2Fb", "/A"],
    "decode-and-merge-slashes": ["/b", "/b", "/a/b", "/a/b", "/a/b", "/A"],
}


@pytest.mark.parametrize("level", LEVELS)
def test_level(pods, level):
    mesh = Mesh(pods.network, acceleration="off", options=["--path-normalization", level])
    mesh.apply("town.yaml", town_objects(pods))
    seen = []
    with mesh:
        for path in SENT:
            with HttpConnection(pods.client.connect(pods.http4, 80)) as client:
                answer = client.get(path)
                seen.append(answer.json()["target"] if answer.status == 200 else answer.status)

    assert seen == LEVELS[level]


def test_refusal_names_the_rule_and_the_way_out(town, http):
    """As npm asks for a scoped package."""
    answer = http().get("/@scope%2fname")

    assert answer.status == 400
    assert b"escaped slash" in answer.body and b"--path-normalization base" in answer.body
    wait_until(lambda: '"detail":"path_escaped_slash"' in open(town.mesh.access_log_path, encoding="utf-8").read(),
               "the access log names the rule")
