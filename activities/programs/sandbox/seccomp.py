"""System calls that a program in the sandbox does without, as a filter for the kernel.

Namespaces and limits do the work; this closes what they leave open: memory that no limit counts
(memfd, SysV shared memory), namespaces inside of namespaces, and parts of the kernel with many
holes in their past and no use here (io_uring, bpf, keyrings, userfaultfd, perf).
"""

import errno
import platform
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from activities.programs.sandbox.errors import SandboxRefusedError


class Architecture(NamedTuple):
    """One kind of processor.

    Attributes:
        audit: What the kernel calls it.
        calls: Numbers of the refused calls.
    """

    audit: int
    calls: Mapping[str, int]


# The same number everywhere.
_NEW: Final[Mapping[str, int]] = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
    "memfd_secret": 447,
}
ARCHITECTURES: Final[Mapping[str, Architecture]] = {
    "x86_64": Architecture(
        0xC000003E,
        {
            **_NEW,
            "memfd_create": 319,
            "shmget": 29,
            "msgget": 68,
            "semget": 64,
            "mq_open": 240,
            "unshare": 272,
            "setns": 308,
            "mount": 165,
            "umount2": 166,
            "pivot_root": 155,
            "ptrace": 101,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
            "bpf": 321,
            "perf_event_open": 298,
            "userfaultfd": 323,
            "kexec_load": 246,
            "keyctl": 250,
            "add_key": 248,
            "request_key": 249,
            "open_by_handle_at": 304,
            "chroot": 161,
            "swapon": 167,
            "reboot": 169,
            "init_module": 175,
            "finit_module": 313,
            "syslog": 103,
            "acct": 163,
            "quotactl": 179,
        },
    ),
    "aarch64": Architecture(
        0xC00000B7,
        {
            **_NEW,
            "memfd_create": 279,
            "shmget": 194,
            "msgget": 186,
            "semget": 190,
            "mq_open": 180,
            "unshare": 97,
            "setns": 268,
            "mount": 40,
            "umount2": 39,
            "pivot_root": 41,
            "ptrace": 117,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
            "bpf": 280,
            "perf_event_open": 241,
            "userfaultfd": 282,
            "kexec_load": 104,
            "keyctl": 219,
            "add_key": 217,
            "request_key": 218,
            "open_by_handle_at": 265,
            "chroot": 51,
            "swapon": 224,
            "reboot": 142,
            "init_module": 105,
            "finit_module": 273,
            "syslog": 116,
            "acct": 89,
            "quotactl": 60,
        },
    ),
}
# Its flags are in memory, where a filter cannot look; libraries fall back to `clone`.
_CLONE3: Final = 435
# The other numbering of calls of x86_64 begins here.
_X32: Final = 0x4000_0000

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def seccomp_filter(machine: str | None = None) -> bytes:
    """Return the filter for this machine, as the kernel takes it.

    Raises:
        SandboxRefusedError: For a kind of processor that we know no numbers of.
    """
    name = platform.machine() if machine is None else machine
    architecture = ARCHITECTURES.get(name)
    if architecture is None:
        raise SandboxRefusedError(
            f"there is no filter of system calls for '{name}'. Known: {', '.join(ARCHITECTURES)}."
        )
    return b"".join(
        [
            _instruction(_LOAD, _ARCHITECTURE_AT),
            _instruction(_IF_EQUAL, architecture.audit, 1, 0),
            _instruction(_RETURN, _KILL),
            _instruction(_LOAD, _NUMBER_AT),
            _instruction(_IF_AT_LEAST, _X32, 0, 1),
            _instruction(_RETURN, _KILL),
            *_refusal(_CLONE3, errno.ENOSYS),
            *(part for number in architecture.calls.values() for part in _refusal(number)),
            _instruction(_RETURN, _ALLOW),
        ]
    )


def _refusal(number: int, code: int = errno.EPERM) -> tuple[bytes, bytes]:
    return _instruction(_IF_EQUAL, number, 0, 1), _instruction(_RETURN, _ERRNO | code)


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
