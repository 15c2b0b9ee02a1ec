"""What is said before anything is started."""

import socket

import pytest

from service.runtime.serving import require_free_port
from service.settings import Settings, SettingsRefused


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsRefused, match=f"Port {port} on 127.0.0.1 is in use"):
            require_free_port(Settings(port=port))
    require_free_port(Settings(port=port))
