"""HTTPRoutes: matches with their precedence, weighted splits, filters, rewrites, redirects and timeouts."""
import collections
import math

import pytest

from sluice_testing import manifests, servers
from sluice_testing.http1 import HttpConnection
from sluice_testing.mesh import SCALE
from sluice_testing.wait import stays_true, wait_until


@pytest.fixture
def routes(town):
    """Applies routes of Service web and takes them away afterwards: routes([rule, ...])."""
    mesh = town.mesh

    def apply(objects):
        version = mesh.status()["config"]["version"]
        mesh.apply("routes.yaml", objects)
        mesh.wait_version_after(version)
        return lambda pod=town.client: HttpConnection(pod.connect(town.web4, 80))

    yield apply
    version = mesh.status()["config"]["version"]
    mesh.delete("routes.yaml")
    mesh.wait_version_after(version)


def rule(backend="a", matches=None, filters=None, **more):
    result = {"backendRefs": [manifests.backend(backend, 80)], **more}
    if matches:
        result["matches"] = matches
    if filters:
        result["filters"] = filters
    return result


def path(kind, value):
    return {"path": {"type": kind, "value": value}}


def served_by(client, target, **kwargs):
    answer = client.get(target, **kwargs)
    return answer.json()["server"] if answer.status == 200 else answer.status


MATCHES = [  # What goes to b; everything else to a.
    ("exact path", path("Exact", "/x"), [("/x", "b"), ("/x/", "a"), ("/x/y", "a"), ("/X", "a"), ("/x?q=1", "b")]),
    ("prefix by segment", path("PathPrefix", "/v2"), [("/v2", "b"), ("/v2/", "b"), ("/v2/z", "b"), ("/v2x", "a")]),
    ("regular expression", path("RegularExpression", "/item/[0-9]+"), [("/item/7", "b"), ("/item/x", "a"), ("/item/7/z", "a")]),
    ("query", {"queryParams": [{"name": "who", "value": "me"}]}, [("/?who=me", "b"), ("/?who=you", "a"), ("/?x=1&who=me", "b"), ("/", "a")]),
]


@pytest.mark.parametrize("name,match,table", MATCHES, ids=[row[0] for row in MATCHES])
def test_match(town, routes, name, match, table):
    connect = routes([manifests.route("r", "web", [rule("b", [match]), rule("a")])])

    with connect() as client:
        assert [(target, served_by(client, target)) for target, _ in table] == table


def test_header_match_ignores_the_case_of_the_name(town, routes):
    connect = routes([manifests.route("r", "web", [
        rule("b", [{"headers": [{"name": "X-Canary", "value": "yes"}]}]), rule("a")])])

    with connect() as client:
        assert served_by(client, "/", headers=["x-canary: yes"]) == "b"
        assert served_by(client, "/", headers=["X-CANARY: yes"]) == "b"
        assert served_by(client, "/", headers=["x-canary: no"]) == "a"


def test_method_match(town, routes):
    connect = routes([manifests.route("r", "web", [rule("b", [{"method": "POST"}]), rule("a")])])

    with connect() as client:
        assert client.exchange("POST", "/").json()["server"] == "b"
        assert client.exchange("GET", "/").json()["server"] == "a"


def test_more_exact_rule_wins_whatever_the_order(town, routes):
    connect = routes([manifests.route("r", "web", [
        rule("a", [path("PathPrefix", "/")]), rule("a", [path("PathPrefix", "/shop")]), rule("b", [path("Exact", "/shop/cart")])])])

    with connect() as client:
        assert served_by(client, "/shop/cart") == "b"
        assert served_by(client, "/shop/cart/1") == "a"


def test_request_that_no_rule_matches_gets_404(town, routes):
    connect = routes([manifests.route("r", "web", [rule("a", [path("Exact", "/only")])])])

    with connect() as client:
        assert client.get("/other").status == 404
        assert served_by(client, "/only") == "a"


def counts(connect, count, connections=10):
    seen = collections.Counter()
    for _ in range(connections):
        with connect() as client:
            for _ in range(count // connections):
                seen[served_by(client, "/echo")] += 1
    return seen


@pytest.mark.parametrize("weights", [pytest.param({"a": 90, "b": 10}, marks=pytest.mark.smoke), {"a": 1, "b": 1},
                                     {"a": 1, "b": 0}], ids=str)
def test_weighted_split(town, routes, weights):
    connect = routes([manifests.split("r", "web", weights)])
    count, share = (2000 if SCALE <= 4 else 500), weights["b"] / sum(weights.values())

    seen = counts(connect, count)

    # Five standard deviations of the binomial distribution: one false alarm in two million runs.
    margin = 5 * math.sqrt(count * share * (1 - share))
    assert abs(seen["b"] - count * share) <= margin, seen
    assert seen["a"] + seen["b"] == count


def test_split_changes_within_a_second_without_dropping_a_connection(town, routes):
    connect = routes([manifests.split("r", "web", {"a": 1, "b": 0})])
    with connect() as client:
        assert served_by(client, "/") == "a"
        town.mesh.apply("routes.yaml", [manifests.split("r", "web", {"a": 0, "b": 1})])

        wait_until(lambda: served_by(client, "/") == "b", "the same connection follows the change", 1.0)


def test_all_weights_zero_answers_500(town, routes):
    connect = routes([manifests.split("r", "web", {"a": 0, "b": 0})])

    with connect() as client:
        assert client.get("/").status == 500


def test_share_of_a_broken_backend_gets_500(town, routes):
    connect = routes([manifests.split("r", "web", {"a": 1, "no-such-service": 1})])

    with connect() as client:
        seen = collections.Counter(served_by(client, "/") for _ in range(200))

    assert set(seen) == {"a", 500} and min(seen.values()) > 50


def test_request_header_modifier(town, routes):
    connect = routes([manifests.route("r", "web", [rule("a", filters=[{
        "type": "RequestHeaderModifier", "requestHeaderModifier": {
            "set": [{"name": "X-Set", "value": "new"}], "add": [{"name": "X-Add", "value": "more"}],
            "remove": ["X-Gone"]}}])])])

    with connect() as client:
        seen = client.get("/", headers=["X-Set: old", "X-Add: first", "X-Gone: 1", "X-Stay: 1"]).json()["headers"]

    fields = {name.lower(): value for name, value in seen}
    assert (fields["x-set"], fields["x-stay"]) == ("new", "1") and "x-gone" not in fields
    joined = ", ".join(value for name, value in seen if name.lower() == "x-add").replace(", ", ",")
    assert joined == "first,more"


def test_response_header_modifier(town, routes):
    connect = routes([manifests.route("r", "web", [rule("a", filters=[{
        "type": "ResponseHeaderModifier", "responseHeaderModifier": {
            "set": [{"name": "Content-Type", "value": "text/x"}], "add": [{"name": "X-Served", "value": "mesh"}]}}])])])

    with connect() as client:
        answer = client.get("/")

    assert answer.header("content-type") == "text/x"
    assert answer.header("x-served") == "mesh"


def test_backend_filter_applies_to_its_backend_only(town, routes):
    mark = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "X-Mark", "value": "b"}]}}]
    connect = routes([manifests.route("r", "web", [{"backendRefs": [
        manifests.backend("a", 80, 1), manifests.backend("b", 80, 1, mark)]}])])

    with connect() as client:
        seen = [client.get("/").json() for _ in range(40)]

    assert {(item["server"], any(name.lower() == "x-mark" for name, _ in item["headers"])) for item in seen} == {
        ("a", False), ("b", True)}


REWRITES = [
    ({"type": "ReplaceFullPath", "replaceFullPath": "/new"}, "/old/x?q=1", "/new?q=1"),
    ({"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}, "/old/x?q=1", "/new/x?q=1"),
    ({"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}, "/old/x", "/x"),
    ({"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}, "/old", "/"),
]


@pytest.mark.parametrize("change,target,expected", REWRITES)
def test_url_rewrite_of_the_path(town, routes, change, target, expected):
    connect = routes([manifests.route("r", "web", [rule("a", [path("PathPrefix", "/old")], [
        {"type": "URLRewrite", "urlRewrite": {"path": change}}])])])

    with connect() as client:
        assert client.get(target).json()["target"] == expected


def test_url_rewrite_of_the_host(town, routes):
    connect = routes([manifests.route("r", "web", [rule("a", filters=[
        {"type": "URLRewrite", "urlRewrite": {"hostname": "elsewhere.example"}}])])])

    with connect() as client:
        assert ["elsewhere.example"] == [value for name, value in client.get("/").json()["headers"] if name.lower() == "host"]


REDIRECTS = [
    ({"hostname": "other.example", "statusCode": 301}, 301, "http://other.example/old/x?q=1"),
    ({"scheme": "https", "hostname": "o.example"}, 302, "https://o.example/old/x?q=1"),
    ({"hostname": "o.example", "port": 8443}, 302, "http://o.example:8443/old/x?q=1"),
    ({"hostname": "o.example", "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}}, 302,
     "http://o.example/new/x?q=1"),
]


@pytest.mark.parametrize("redirect,status,location", REDIRECTS)
def test_request_redirect(town, routes, redirect, status, location):
    connect = routes([manifests.route("r", "web", [{
        "matches": [path("PathPrefix", "/old")],
        "filters": [{"type": "RequestRedirect", "requestRedirect": redirect}]}])])

    with connect() as client:
        answer = client.get("/old/x?q=1")

    assert (answer.status, answer.header("location")) == (status, location)


def test_request_timeout_answers_504(town, routes):
    connect = routes([manifests.route("r", "web", [rule("a", timeouts={"request": "300ms"})])])

    with connect() as client:
        assert client.get("/slow?ms=3000").status == 504
    with connect() as client:
        assert client.get("/slow?ms=1").status == 200


def test_request_timeout_counts_from_the_request(town, routes):
    """A proxy that has slept longer than the timeout must not take its own sleep for the server's."""
    connect = routes([manifests.route("r", "web", [rule("a", timeouts={"request": "300ms"})])])
    with connect() as client:
        client.get("/")
        stays_true(lambda: client.sock.fileno() >= 0, "the connection is idle", 1.0)

        assert client.get("/slow?ms=50").status == 200


def test_consumer_route_is_for_clients_of_its_namespace_only(town, routes):
    objects = [manifests.service("api", "a", [manifests.port(80, "http", servers.HTTP_PORT)], ("10.97.0.60",),
                                 namespace="shop"),
               manifests.route("mine", "api", [{"backendRefs": [{"name": "b", "port": 80}]}], parent_namespace="shop")]
    # The Service selects nothing in its own namespace, so only the consumer route of `default` can answer with 200.
    routes(objects)

    with HttpConnection(town.client.connect("10.97.0.60", 80)) as client:
        assert served_by(client, "/") == "b"


def test_route_attached_to_one_port_leaves_the_others(town, routes):
    objects = [manifests.service("two", "a", [manifests.port(80, "http", servers.HTTP_PORT),
                                              manifests.port(81, "http-b", servers.HTTP_PORT)], ("10.97.0.61",)),
               manifests.split("r", "two", {"b": 1}, parent_port=81)]
    routes(objects)

    with HttpConnection(town.client.connect("10.97.0.61", 80)) as first, \
            HttpConnection(town.client.connect("10.97.0.61", 81)) as second:
        assert (served_by(first, "/"), served_by(second, "/")) == ("a", "b")


def test_path_is_normalised_before_matching(town, routes):
    connect = routes([manifests.route("r", "web", [rule("b", [path("PathPrefix", "/admin")]), rule("a")])])

    with connect() as client:
        assert served_by(client, "/x/../admin") == "b"
        assert served_by(client, "/%61dmin") == "b"
