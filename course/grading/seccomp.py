"""A list of system calls that an answer has no use for, refused by the kernel (seccomp).

Some give memory that no limit counts (a file without a name, a segment of System V), the others are ways to look at
other processes, or large and seldom used parts of the kernel. The filter is written out here: a list, nothing more.
"""

import ctypes
import errno
import platform
import struct

# name -> number on x86_64 and on aarch64: <asm/unistd.h>
REFUSED = {
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "pivot_root": (155, 41),
    "open_by_handle_at": (304, 265),
}
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column of the table, AUDIT_ARCH_…
X32 = 0x40000000  # numbers from here on are those of x86_64's second set of calls

# <linux/bpf_common.h>, <linux/seccomp.h>, <sys/prctl.h>
LOAD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000 | errno.EPERM
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
NUMBER, ARCHITECTURE = 0, 4  # offsets in struct seccomp_data


def program(machine: str) -> bytes:
    """The filter as the kernel reads it: instructions of (code, jump if true, jump if false, value).

    Raises:
        OSError: the numbers of this kind of processor are not known here.
    """
    if machine not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no list of system calls for {machine}")
    column, architecture = ARCHITECTURES[machine]
    numbers = [pair[column] for pair in REFUSED.values()]
    count = len(numbers)
    instructions = [
        (LOAD, 0, 0, ARCHITECTURE),
        (JUMP_IF_EQUAL, 0, count + 3, architecture),
        (LOAD, 0, 0, NUMBER),
        (JUMP_IF_AT_LEAST, count + 1, 0, X32),
        *((JUMP_IF_EQUAL, count - index, 0, number) for index, number in enumerate(numbers)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, FAIL),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def refuse(machine: str = platform.machine()) -> None:
    """Refuse these calls to this process and its children, for good. It must have given up new privileges before.

    Raises:
        OSError: the kernel has no seccomp.
    """
    code = program(machine)
    text = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(text))  # struct sock_fprog
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel refuses a filter of system calls")
