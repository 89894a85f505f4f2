"""What a server sees of a request's path at each level of --path-normalization."""
import pytest

from conftest import town_objects
from sluice_testing.http1 import HttpConnection
from sluice_testing.mesh import Mesh

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
