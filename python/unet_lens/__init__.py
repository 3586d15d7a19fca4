"""See what a U-Net has learned, and learn how backprop through it works.

Examples
--------
>>> import unet_lens
>>> network = unet_lens.load()
>>> climb = network.climb("uconv128", [22, 39], steps=20)
>>> climb.pictures.shape
(2, 128, 128, 1)
>>> climb.verdicts
['ok', 'ok']
"""

from unet_lens._climb import Climb
from unet_lens._native import __version__
from unet_lens._network import Layer, Network, load

__all__ = ["Climb", "Layer", "Network", "__version__", "load"]
