"""Scenario files: small, declarative, read strictly. What is wrong is refused with file, field and reason.

A file varies some parameters (`vary`); every combination is a case. Cases that differ only in INTERLEAVED parameters
are measured in turns, like targets, so that they can be compared.
"""
import dataclasses
import itertools
import os

import yaml

from .attacks import ATTACKS, SETTINGS as ATTACK_SETTINGS
from .errors import BenchError

SIZE_MAX = 64 * 1024
STREAMS_MAX = 1000
TOOLS = ("wrk", "own", "own-http2", "iperf3", "h2load", "grpc", "ghz", "download", "hold", "unread")
HTTP2_TOOLS = ("own-http2", "h2load", "grpc", "ghz", "download")  # Speak HTTP/2 to a port of HTTP.
SERVERS = ("minimal", "nginx", "http2")
TARGETS = ("direct", "sluice-full", "sluice-off", "haproxy", "nginx", "envoy")
METRICS = ("requests_per_s", "mean_us", "p50_us", "p90_us", "p99_us", "p999_us", "proxy_us", "machine_us", "switches", "system_calls",
           "bpf_us", "gbit_per_s", "idle_mib", "connection_kib", "unread_mib", "pss_mib", "config_mib", "rss_mib")
INTERLEAVED = ("setting", "cpus", "protocol")
SETTINGS = ("plain", "scale", "churn", "stalled", *ATTACK_SETTINGS)
PARAMETERS = {  # name: (type, smallest, largest) or the words that are allowed
    "connections": (int, 1, 19_000), "rate_per_s": (int, 1, 1_000_000), "rate_of_direct": (float, 0.01, 1.0),
    "cpus": (int, 1, 64), "setting": SETTINGS, "path": str, "protocol": ("http", "tcp"),
    "attack": tuple(ATTACKS),
}


@dataclasses.dataclass(frozen=True)
class Bar:
    """What a median has to be."""
    metric: str
    of: str
    over: str            # A target; "" for an absolute value.
    at: tuple            # ((parameter, value), ...) of the case.
    over_at: tuple       # Parameters of the other case, where it differs.
    at_least: float | None
    at_most: float | None

    def name(self):
        where = ", ".join(f"{key} {value}" for key, value in self.at)
        over = self.over if self.over != self.of else ", ".join(str(value) for _, value in self.over_at)
        return f"{self.metric} of {self.of}" + (f" / {over}" if over else "") + (f" ({where})" if where else "")


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    about: str
    tool: str
    server: str
    load: dict           # What every case shares: path, headers, new_connections, after, streams.
    vary: dict           # {parameter: [value, ...]}
    quick: dict          # What --quick keeps of `vary`; empty: the scenario is left out of it.
    targets: tuple
    rounds: int | None   # None: as the command line says.
    bars: tuple

    def groups(self, is_quick):
        """[[case, ...], ...]: the cases of one group are measured in turns."""
        vary = {**self.vary, **self.quick} if is_quick else self.vary
        outer = {key: values for key, values in vary.items() if key not in INTERLEAVED}
        inner = {key: values for key, values in vary.items() if key in INTERLEAVED}
        return [[{**case, **turn} for turn in _product(inner)] for case in _product(outer)]


def _product(vary):
    return [dict(zip(vary, values)) for values in itertools.product(*vary.values())]


def load(path):
    """The scenario in a file."""
    return parse(os.path.splitext(os.path.basename(path))[0], path, _read(path))


def load_all(folder):
    names = sorted(name for name in os.listdir(folder) if name.endswith(".yaml"))
    return {scenario.name: scenario for scenario in (load(os.path.join(folder, name)) for name in names)}


def restricted(scenario, name, text):
    """The scenario with only the cases in which a parameter has that value, or one of several between commas."""
    wanted = text.split(",")
    kept = [value for value in scenario.vary.get(name, []) if str(value) in wanted]
    if len(kept) != len(wanted):
        known = "; ".join(f"{key}: {', '.join(map(str, values))}" for key, values in scenario.vary.items())
        raise BenchError(f"--only {name}={text}: the scenario {scenario.name} has no such case; it varies {known or 'nothing'}")
    return dataclasses.replace(scenario, vary={**scenario.vary, name: kept},
                               quick={key: values for key, values in scenario.quick.items() if key != name})


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(SIZE_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise BenchError(f"{path}: cannot be read: {error}") from error
    if len(text) > SIZE_MAX:
        raise BenchError(f"{path}: larger than {SIZE_MAX} bytes: a scenario is small")
    return text


def parse(name, path, text):
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BenchError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    return _Reader(path).scenario(name, document)


class _Reader:
    """Takes a document apart; every refusal names file and field."""

    def __init__(self, path):
        self.path = path

    def refuse(self, field, reason):
        raise BenchError(f"{self.path}: {field}: {reason}")

    def mapping(self, field, value, required, optional=()):
        if not isinstance(value, dict):
            self.refuse(field, "must be a mapping")
        for key in value:
            if key not in required and key not in optional:
                self.refuse(f"{field}.{key}" if field != "file" else str(key),
                            f"is not known; there are: {', '.join((*required, *optional))}")
        for key in required:
            if key not in value:
                self.refuse(f"{field}.{key}" if field != "file" else key, "is missing")
        return value

    def word(self, field, value, words):
        if value not in words:
            self.refuse(field, f"is {value!r}; allowed: {', '.join(words)}")
        return value

    def text(self, field, value):
        if not isinstance(value, str) or not value.strip():
            self.refuse(field, "must be text")
        return value.strip()

    def number(self, field, value, smallest, largest, kind=float):
        is_number = isinstance(value, (int, float) if kind is float else int) and not isinstance(value, bool)
        if not is_number or not smallest <= value <= largest:
            self.refuse(field, f"is {value!r}; must be a number from {smallest} to {largest}")
        return kind(value)

    def scenario(self, name, document):
        top = self.mapping("file", document, ("title", "about", "load"),
                           ("server", "vary", "quick", "targets", "rounds", "bars"))
        shared = dict(self.mapping("load", top["load"], ("tool",), ("path", "headers", "new_connections", "after", "streams")))
        vary = self.vary("vary", top.get("vary", {}))
        targets = self.listing("targets", top.get("targets", list(TARGETS)), lambda field, value: self.word(field, value, TARGETS))
        scenario = Scenario(
            name=name, title=self.text("title", top["title"]), about=self.text("about", top["about"]),
            tool=self.word("load.tool", shared.pop("tool"), TOOLS), server=self.word("server", top.get("server", "minimal"), SERVERS),
            load=self.shared(shared), vary=vary, quick=self.vary("quick", top.get("quick", {})), targets=tuple(targets),
            rounds=self.number("rounds", top["rounds"], 1, 50, int) if "rounds" in top else None,
            bars=tuple(itertools.chain(*self.listing("bars", top.get("bars", []),
                                                     lambda field, value: self.bars(field, value, vary, targets), 0))))
        self.check(scenario)
        return scenario

    def listing(self, field, value, read, shortest=1):
        if not isinstance(value, list) or len(value) < shortest or len(value) > 32:
            self.refuse(field, f"must be a list of {shortest} to 32 entries")
        return [read(f"{field}[{index}]", item) for index, item in enumerate(value)]

    def shared(self, shared):
        for header in self.listing("load.headers", shared.get("headers", []), self.text, 0):
            if ": " not in header or "\n" in header:
                self.refuse("load.headers", f"{header!r} is not \"name: value\"")
        if "path" in shared and not self.text("load.path", shared["path"]).startswith("/"):
            self.refuse("load.path", "must begin with /")
        if not isinstance(shared.get("new_connections", False), bool):
            self.refuse("load.new_connections", "must be true or false")
        if "after" in shared:
            self.word("load.after", shared["after"], ("request", "none"))
        if "streams" in shared:
            self.number("load.streams", shared["streams"], 1, STREAMS_MAX, int)
        return shared

    def vary(self, field, value):
        self.mapping(field, value, (), tuple(PARAMETERS))
        return {key: self.listing(f"{field}.{key}", values, lambda where, item, key=key: self.parameter(where, key, item))
                for key, values in value.items()}

    def parameter(self, field, key, value):
        rule = PARAMETERS[key]
        if rule is str:
            return self.text(field, value)
        if isinstance(rule[0], str):
            return self.word(field, value, rule)
        return self.number(field, value, rule[1], rule[2], rule[0])

    def bars(self, field, value, vary, targets):
        """One bar; with `each: PARAMETER` one for each of its values."""
        value = dict(self.mapping(field, value, ("metric", "of"), ("over", "at", "over_at", "at_least", "at_most", "each")))
        if "each" not in value:
            return [self.bar(field, value, vary, targets)]
        each = self.word(f"{field}.each", value.pop("each"), tuple(vary))
        at = self.mapping(f"{field}.at", value.get("at", {}), (), tuple(name for name in vary if name != each))
        return [self.bar(field, {**value, "at": {each: item, **at}}, vary, targets) for item in vary[each]]

    def bar(self, field, value, vary, targets):
        if ("at_least" in value) == ("at_most" in value):
            self.refuse(field, "needs one of at_least and at_most")
        cases = {}
        for key in ("at", "over_at"):
            case = self.mapping(f"{field}.{key}", value.get(key, {}), (), tuple(vary))
            for name, item in case.items():
                if item not in vary[name]:
                    self.refuse(f"{field}.{key}.{name}", f"{item!r} is none of the values in vary.{name}")
            cases[key] = tuple(case.items())
        for name, _ in cases["over_at"]:
            if name not in INTERLEAVED:
                self.refuse(f"{field}.over_at.{name}", f"only cases measured in turns compare: {', '.join(INTERLEAVED)}")
        over = value.get("over", value["of"] if cases["over_at"] else "")
        for key, target in (("of", value["of"]), ("over", over)):
            if target and target not in targets:
                self.refuse(f"{field}.{key}", f"{target!r} is none of the scenario's targets")
        numbers = {key: self.number(f"{field}.{key}", value[key], 0, 1e9) if key in value else None
                   for key in ("at_least", "at_most")}
        return Bar(self.word(f"{field}.metric", value["metric"], METRICS), value["of"], over, cases["at"], cases["over_at"], **numbers)

    def check(self, scenario):
        if scenario.tool in ("wrk", "own", *HTTP2_TOOLS, "hold") and "connections" not in scenario.vary:
            self.refuse("vary.connections", f"is missing: {scenario.tool} needs it")
        if scenario.tool in ("wrk", "own", *HTTP2_TOOLS) and not ("path" in scenario.load or "path" in scenario.vary):
            self.refuse("load.path", "is missing, and vary.path too")
        if ("streams" in scenario.load) != (scenario.tool in HTTP2_TOOLS):
            self.refuse("load.streams", f"says how many requests {' and '.join(HTTP2_TOOLS)} have at once on a connection: they "
                        "need it, others cannot have it")
        if scenario.tool in ("h2load", "own-http2") and scenario.server == "minimal" and "direct" in scenario.targets:
            self.refuse("server", "is minimal, which speaks no HTTP/2: with no hop it needs nginx (asked in HTTP/1.1 by a hop) or http2")
        if "stalled" in scenario.vary.get("setting", ()) and scenario.tool != "own-http2":
            self.refuse("vary.setting", "only the tool 'own-http2' can leave a stream unread")
        is_attacked = bool(set(ATTACK_SETTINGS) & set(scenario.vary.get("setting", ())))
        if is_attacked != ("attack" in scenario.vary) or (is_attacked and scenario.tool not in ("own", "own-http2")):
            self.refuse("vary.attack", f"goes with the settings {' and '.join(ATTACK_SETTINGS)}, and with the tools 'own' and 'own-http2'")
        if scenario.tool == "download" and not all(name.startswith("sluice-") for name in scenario.targets):
            self.refuse("targets", "download compares two paths through one mesh: name sluice-full, sluice-off or both")
        for key in ("rate_per_s", "rate_of_direct"):
            if key in scenario.vary and not scenario.tool.startswith("own"):
                self.refuse(f"vary.{key}", "only the tool 'own' sends at a fixed rate")
        for key, values in scenario.quick.items():
            if not set(values) <= set(scenario.vary.get(key, [])):
                self.refuse(f"quick.{key}", "must be some of the values in vary")
