"""The rules of this tree as tables; the checks beside this file only apply them (docs/architecture.md says why)."""

# Room -> rooms whose headers it may include, beside its own. A room is a folder; the longest name that a path begins
# with decides. An entry that names a header opens a door for that header alone.
DOORS = {
    "api": {"api"},
    "userspace/base": set(),
    "userspace/model": {"userspace/base", "api"},
    "userspace/io": {"userspace/base"},
    "userspace/http": {"userspace/base"},
    "userspace/detect": {"userspace/base"},
    "userspace/route": {"userspace/base", "userspace/model", "userspace/http", "api"},
    "userspace/balance": {"userspace/base", "userspace/model", "api"},
    "userspace/proxy": {"userspace/base", "userspace/model", "userspace/io", "userspace/http", "userspace/detect",
                        "userspace/route", "userspace/balance", "api", "userspace/datapath/original_destination.h"},
    "userspace/datapath": {"userspace/base", "bpf/abi", "bpf/skeleton"},
    "userspace/telemetry": {"userspace/base"},
    "userspace/agent": {"userspace/base", "userspace/datapath", "userspace/telemetry", "api"},
    "userspace/cli": {"userspace/base"},
    "userspace/app": {"userspace/base", "userspace/agent", "userspace/proxy", "userspace/cli", "userspace/datapath",
                      "userspace/telemetry", "userspace/io", "userspace/model", "api"},
    "controller/store": {"userspace/base", "userspace/model", "api"},
    "controller/file": {"userspace/base", "controller/store"},
    "controller/translate": {"userspace/base", "userspace/model", "userspace/http", "controller/store", "api"},
    "controller/publish": {"userspace/base", "userspace/io", "userspace/http", "controller/translate",
                           "controller/store", "api"},
    "controller/app": {"userspace/base", "controller/file", "controller/store", "controller/translate",
                       "controller/publish", "api"},
    "bpf/abi": set(),
    "bpf": {"bpf/abi", "bpf/lib"},
    "bpf/lib": {"bpf/abi"},
}

# These look at everything: they are outside of the rooms, and nothing inside may look at them.
OUTSIDE = ("tests", "bench")

# Libraries that are fenced: only these places may include headers that begin so.
FENCES = {
    "CLI/": ("userspace/cli/options.cc", "userspace/app/", "controller/app/"),
    "prometheus/": ("userspace/telemetry/",),
    "spdlog/": ("userspace/base/log.cc",),
    "liburing": ("userspace/io/",),
    "bpf/libbpf.h": ("userspace/datapath/",),
    "bpf/bpf.h": ("userspace/datapath/", "userspace/proxy/"),
    "yaml-cpp/": ("controller/file/",),
    "re2/": ("userspace/model/regex.", "userspace/route/", "controller/translate/"),
    "seccomp.h": ("userspace/proxy/",),
    "openssl/": (),
}

FILE_LINES_WARN = 500
FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
BPF_FUNCTION_LINES_WARN = 40

# Links in code and docs may point only to where a reader years from now will find something.
LINK_HOSTS = {
    "www.apache.org", "www.rfc-editor.org", "datatracker.ietf.org", "keepachangelog.com", "semver.org", "docs.kernel.org",
    "gateway-api.sigs.k8s.io", "kubernetes.io", "json-schema.org",
    # Names of documentation, of tests and of XML, never looked up.
    "www.w3.org",
    "example.com", "example.org", "localhost",
}

# Regular expressions of what no committed file may hold, and what to do instead.
FORBIDDEN = [
    (r"\bTODO(?!\(#\d+\))", "a TODO names its issue, TODO(#12), or is not written"),
    (r"\b(?:FIXME|XXX)\b", "file an issue and write TODO(#issue)"),
    (r"^(?:<{7}|>{7}) ", "a conflict that was not resolved"),
    (r"(?<![\w.~$}])/(?:home|work|Users)/\w+", "no path of one person's machine"),
    (r"(?<![\w.~$}])/root/\w+", "no path of one person's machine"),
    (r"\b(?:sleep_for|usleep)\s*\(", "wait for a condition, not for time"),
]

# Programs of ours must not load these: two TLS libraries without symbol versions cannot share a process.
FORBIDDEN_LIBRARIES = ("libssl.so", "libcrypto.so", "libcurl", "libgrpc")
PROGRAMS = ("sluice-agent", "sluice-proxy", "sluice-controller", "sluicectl")
