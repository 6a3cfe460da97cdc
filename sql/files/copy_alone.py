"""Copy a file in a process of its own: `python copy_alone.py SOURCE COPY` ends with the errno of what failed, or 0."""

import os
import sys

_BLOCK = 2**26


def main(source: str, copy: str) -> int:
    """Copy the file, sharing its blocks where the system can, and return 0, or the errno."""
    try:
        given = os.open(source, os.O_RDONLY)
        made = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        if not _is_shared(given, made):
            while block := os.read(given, _BLOCK):
                _write(made, block)
    except OSError as error:
        return error.errno or 1
    return 0


def _is_shared(given: int, made: int) -> bool:
    """Let the system copy; false where it cannot, with nothing copied."""
    try:
        while os.copy_file_range(given, made, _BLOCK):
            pass
        is_whole = os.fstat(made).st_size == os.fstat(given).st_size
    except (AttributeError, OSError):  # another system, or another file system
        is_whole = False
    if not is_whole:
        os.ftruncate(made, 0)
        os.lseek(made, 0, os.SEEK_SET)
        os.lseek(given, 0, os.SEEK_SET)
    return is_whole


def _write(made: int, block: bytes) -> None:
    left = memoryview(block)
    while left:
        left = left[os.write(made, left) :]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
