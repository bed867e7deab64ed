"""Starts one program so that it dies with its parent and, where it must, without root's identity.

`stack.processes` runs this file by its path; it needs nothing but the standard library.
"""

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CLONE_NEWUSER = 0x10000000
_CAPABILITY_VERSION = 0x20080522
_CAP_DAC_OVERRIDE = 1
_NOBODY = 65534
_MAPPED_ID = 1000


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def enter_user_namespace() -> None:
    """Become an ordinary user in the eyes of this process only; files stay root's.

    Raises OSError where the host forbids user namespaces.
    """
    uid, gid = os.geteuid(), os.getegid()
    _check(_libc().unshare(_CLONE_NEWUSER), "unshare")
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{_MAPPED_ID} {uid} 1"),
        ("gid_map", f"{_MAPPED_ID} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(line)


def become_nobody(folder: str) -> None:
    """Give `folder` to the user nobody and become that user.

    The right to open files regardless of their owner is kept where the host grants it: the
    program and its data may lie under a folder that only root may enter.
    """
    for parent, _, names in os.walk(folder):
        os.chown(parent, _NOBODY, _NOBODY)
        for name in names:
            os.chown(os.path.join(parent, name), _NOBODY, _NOBODY, follow_symlinks=False)
    libc = _libc()
    _check(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "keepcaps")
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    with contextlib.suppress(OSError):
        _keep_file_access(libc)


def _keep_file_access(libc: ctypes.CDLL) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    bit = 1 << _CAP_DAC_OVERRIDE
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    _check(libc.capset(header, sets), "capset")
    _check(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0), "ambient")


def die_with(parent: int, signal_number: int) -> None:
    """Ask the kernel to send this process `signal_number` when `parent` is gone."""
    if sys.platform != "linux":
        return
    if signal_number != signal.SIGKILL:
        # A shell ignores SIGQUIT in what it starts in its background, and programs inherit that.
        signal.signal(signal_number, signal.SIG_DFL)
    _check(_libc().prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "pdeathsig")
    if os.getppid() != parent:
        raise SystemExit("the parent is gone already")


def main(arguments: list[str]) -> None:
    """PARENT SIGNAL DROP FOLDER COMMAND...; DROP is "keep", "namespace" or "nobody"."""
    parent, signal_number, drop, folder, *command = arguments
    if drop == "namespace":
        enter_user_namespace()
    elif drop == "nobody":
        become_nobody(folder)
    # Last: changing the identity would clear it.
    die_with(int(parent), int(signal_number))
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
