"""Becomes another program, which then dies together with whoever started it.

Run as a script by `deploy.local.processes` and not called by it: what has to happen between fork
and exec happens here, in a fresh single-threaded process, and not in a callback of a threaded one.
Standard library only, so that it starts in some 15 ms (`python -I -S`).

    launch.py PARENT_PID DEATH_SIGNAL USER REACH PROGRAM [ARGUMENT...]

USER is the system user to become ("" to stay who we are). REACH "all" lets that user through
folders that only we may enter: PostgreSQL refuses to run as root, and a clone in /root must work
without opening /root to everybody.

Only Linux tells a process that its parent died. Elsewhere a SIGKILL of the parent leaves the
children running; every other way to end it stops them.
"""

import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 4
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


class CapabilityHeader(ctypes.Structure):
    """`cap_user_header_t` of Linux."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class CapabilityData(ctypes.Structure):
    """`cap_user_data_t` of Linux; version 3 takes two of them."""

    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def main(arguments: list[str]) -> None:
    """Read the arguments, prepare this process, become the program."""
    parent, death_signal, user, reach, *program = arguments
    if user:
        become(user, reach_all=reach == "all")
    # After the change of user: that change clears the request.
    die_with_parent(int(parent), int(death_signal))
    os.execvp(program[0], program)  # noqa: S606 - no shell is wanted


def become(user: str, *, reach_all: bool) -> None:
    """Turn from root into another system user."""
    entry = pwd.getpwnam(user)
    if reach_all:
        # A change of user then takes no capability away, and access(2) counts those there are.
        control(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    if reach_all:
        keep_file_access()


def keep_file_access() -> None:
    """Give up all that root may do except to read and write any file; that lasts through exec."""
    bit = 1 << CAP_DAC_OVERRIDE
    header = CapabilityHeader(CAPABILITY_VERSION_3, 0)
    data = (CapabilityData * 2)(CapabilityData(bit, bit, bit), CapabilityData(0, 0, 0))
    if libc().capset(ctypes.byref(header), data) != 0:
        raise OSError(ctypes.get_errno(), "capset failed")
    control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE)


def die_with_parent(parent: int, death_signal: int) -> None:
    """Ask for a signal when the parent dies, and leave at once when it is gone already."""
    if sys.platform == "linux":
        control(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        raise SystemExit("The process that wanted this one is gone.")


def control(option: int, *values: int) -> None:
    """Call `prctl`."""
    padded = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    if libc().prctl(option, *padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


def libc() -> ctypes.CDLL:
    """Open the C library."""
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main(sys.argv[1:])
