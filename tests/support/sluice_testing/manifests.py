"""Kubernetes objects as plain dictionaries, with only what a test says and defaults for the rest."""
import json

NAMESPACE = "default"


def pod(pod, app, name=None, namespace=NAMESPACE, named_ports=(), ready=None, labels=None, enrolled=True,
        acceleration=None):
    """`pod` is a network.Pod; `app` is the label that services select; `acceleration` the wish of that annotation."""
    containers = [{"name": "main", "image": "none",
                   "ports": [{"name": key, "containerPort": value} for key, value in named_ports]}]
    status = {"phase": "Running", "podIP": pod.v4, "podIPs": [{"ip": pod.v4}, {"ip": pod.v6}]}
    if ready is not None:
        status["conditions"] = [{"type": "Ready", "status": "True" if ready else "False"}]
    metadata = {"name": name or pod.name, "namespace": namespace, "labels": {"app": app, **(labels or {})}}
    if enrolled:
        metadata["annotations"] = {"sluice.dev/netns": pod.netns_path}
        if acceleration is not None:
            metadata["annotations"]["sluice.dev/acceleration"] = acceleration
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}, "status": status}


def service(name, app, ports, addresses=(), namespace=NAMESPACE):
    """`ports`: dictionaries of a ServicePort. No addresses: headless. No app: without a selector."""
    spec = {"ports": ports}
    if app is not None:
        spec["selector"] = {"app": app}
    spec["clusterIP"] = addresses[0] if addresses else "None"
    spec["clusterIPs"] = list(addresses) if addresses else ["None"]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def port(number, name=None, target=None, app_protocol=None):
    result = {"port": number, "protocol": "TCP", "name": name or f"p{number}"}
    if target is not None:
        result["targetPort"] = target
    if app_protocol is not None:
        result["appProtocol"] = app_protocol
    return result


def endpoint_slice(service_name, pods, port_name, target, namespace=NAMESPACE):
    """The endpoints of a Service without a selector: pods that share no label."""
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": service_name, "namespace": namespace,
                         "labels": {"kubernetes.io/service-name": service_name}},
            "ports": [{"name": port_name, "port": target, "protocol": "TCP"}],
            "endpoints": [{"addresses": [pod.v4]} for pod in pods]}


def route(name, parent, rules, namespace=NAMESPACE, parent_port=None, parent_namespace=None, kind="HTTPRoute"):
    parent_ref = {"group": "", "kind": "Service", "name": parent}
    if parent_port is not None:
        parent_ref["port"] = parent_port
    if parent_namespace is not None:
        parent_ref["namespace"] = parent_namespace
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"parentRefs": [parent_ref], "rules": rules}}


def backend(name, number, weight=None, filters=None):
    result = {"name": name, "port": number}
    if weight is not None:
        result["weight"] = weight
    if filters:
        result["filters"] = filters
    return result


def split(name, parent, weights, number=80, parent_port=None):
    """A route that sends everything to weighted services: {service: weight}."""
    refs = [backend(service_name, number, weight) for service_name, weight in weights.items()]
    return route(name, parent, [{"backendRefs": refs}], parent_port=parent_port)


def render(objects):
    """JSON is YAML: several documents with the separator of YAML."""
    return "".join("---\n" + json.dumps(item, indent=1) + "\n" for item in objects)
