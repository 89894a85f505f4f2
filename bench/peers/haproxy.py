"""HAProxy as a good operator would set it up for this job: one thread, pooled keep-alive connections, no log."""
import tempfile

from sluice_testing.process import Process, wait_listening

PORT = 8000
CONFIG = """
global
  nbthread 1
  maxconn 8000
  tune.idle-pool.shared on
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  option http-keep-alive
  http-reuse always
frontend in
  bind :{port}
  default_backend split
backend split
  balance roundrobin
  server v1 {address}:{server_port} weight 90
  server v2 {address}:{server_port} weight 10
"""


def start(pod, server_address, server_port):
    """Returns the Process; it listens on PORT of the pod."""
    config = tempfile.NamedTemporaryFile("w", prefix="sluice-bench-", suffix=".cfg")
    config.write(CONFIG.format(port=PORT, address=server_address, server_port=server_port))
    config.flush()
    process = Process(["haproxy", "-db", "-f", config.name], pod, name="haproxy")
    wait_listening(pod, PORT, process)
    process.config = config  # The file lives as long as the process.
    return process
