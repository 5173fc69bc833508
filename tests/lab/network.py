# SPDX-License-Identifier: Apache-2.0
"""The network of a VM: a loopback, which begins down. Who is asked there may be in this process."""
import contextlib
import ctypes
import fcntl
import os
import socket
import struct

from fake_server import Server

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, IFF_UP = 0x8914, 0x8916, 0x891C, 1
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(network):
    if LIBC.setns(network.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns: " + network.name)


@contextlib.contextmanager
def inside(vm):
    """The sockets that this thread makes meanwhile are in the VM's network, and stay there."""
    with open("/proc/thread-self/ns/net") as own, open(f"/proc/{vm.pid1}/ns/net") as network:
        enter(network)
        try:
            yield
        finally:
            enter(own)


def come_up(vm, *addresses):
    """The loopback, with these addresses besides its own."""
    def set_address(request, name, address):
        there = struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(s, request, there)

    with inside(vm), socket.socket() as s:
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))
        for i, address in enumerate(addresses):
            set_address(SIOCSIFADDR, b"lo:%d" % i, address)
            set_address(SIOCSIFNETMASK, b"lo:%d" % i, "255.255.255.255")


def serve(vm, address, answer):
    with inside(vm):
        return Server(answer, address=address)
