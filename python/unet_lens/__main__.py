"""The command ``unet-lens``, the same program as the one that cargo builds."""

import signal
import sys

from unet_lens import _native


def main() -> None:
    """Run the command line of this process, and end with its exit code."""
    # Python would only note that Ctrl-C was pressed, and look after the program has ended.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_native.main(["unet-lens", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
