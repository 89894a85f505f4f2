"""Configuration of peers: which lines a server's protocol leaves in, and that nothing is left to be filled in."""
import os
import re

import pytest
from conftest import ROOT
from sluice_bench import peers

TEXT = "always\nold # only: http1 servers\n  new # only: http2 servers\nlast"


@pytest.mark.parametrize("is_http2, kept", [(False, "always\nold # only: http1 servers\nlast"),
                                            (True, "always\n  new # only: http2 servers\nlast")])
def test_lines_for_the_other_protocol_are_left_out(is_http2, kept):
    assert peers._only(TEXT, is_http2) == kept


@pytest.mark.parametrize("name", peers.PEERS)
@pytest.mark.parametrize("is_http2", [False, True])
def test_every_word_of_a_configuration_is_known(name, is_http2):
    words = {"workers", "http_port", "http2_port", "tcp_port", "server", "server_port", "folder", "stream_module"}
    with open(os.path.join(ROOT, "bench", "peers", peers.FILES[name]), encoding="utf-8") as file:
        text = peers._only(file.read(), is_http2)
    assert set(re.findall(r"@(\w+)@", text)) <= words
