"""What the lens, the light and the sensor do to every picture: vignette, slow flicker, noise."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.camera import VIEW_HEIGHT, VIEW_WIDTH
from pipeline.synthetic.draw import Draw, generator
from pipeline.values import UInt8Array

_NOISE_PURPOSE = 9
_SPARE = 64


@dataclass(frozen=True, slots=True)
class Look:
    """Attributes: noise in grey levels of a 640×480 pixel; flicker and vignette as parts of 1."""

    seed: int
    noise: float
    flicker: float
    flicker_hz: float
    vignette: float
    gain: tuple[float, float, float]
    light_px: tuple[float, float]

    def vignette_map(self, height: int, width: int) -> UInt8Array:
        """Return brightness × 255 (H × W × 3): colour cast, and darker towards the corners."""
        y, x = np.mgrid[0:height, 0:width]
        r2 = ((x + 0.5) / width - 0.5) ** 2 + ((y + 0.5) / height - 0.5) ** 2
        gain = (1 - self.vignette * 2 * r2)[..., None] * np.array(self.gain)
        out: UInt8Array = np.rint(255 * np.clip(gain, 0, 1)).astype(np.uint8)
        return out

    def noise_field(self, height: int, width: int) -> NDArray[np.int16]:
        """Return a field of noise larger than the picture, from which every frame takes another window.

        A smaller picture averages more sensor pixels: its noise is weaker by the square root of their number.
        """
        sigma = self.noise * min(1.0, np.sqrt(height * width / (VIEW_HEIGHT * VIEW_WIDTH)))
        rng = generator(self.seed, _NOISE_PURPOSE)
        grey = rng.standard_normal((height + _SPARE, width + _SPARE, 1), dtype=np.float32)
        color = rng.standard_normal((height + _SPARE, width + _SPARE, 3), dtype=np.float32)
        field = np.rint(sigma * (0.85 * grey + 0.5 * color)).astype(np.int16)
        return np.ascontiguousarray(field)

    def apply(
        self, image: UInt8Array, vignette: UInt8Array, field: NDArray[np.int16], frame: int, t_s: float
    ) -> UInt8Array:
        """Return what the sensor delivers of `image` (H × W × 3) as frame number `frame` at `t_s`."""
        level = 1 + self.flicker * np.sin(2 * np.pi * self.flicker_hz * t_s + self.seed % 7)
        lit = cv2.multiply(image, vignette, scale=float(level) / 255)
        # Knuth's multiplicative hash spreads neighbouring frame numbers over the windows.
        mixed = (frame * 2654435761 + self.seed * 40503) & 0xFFFFFFFF
        y, x = (mixed >> 8) % _SPARE, (mixed >> 20) % _SPARE
        window = field[y : y + image.shape[0], x : x + image.shape[1]]
        window = window[:, ::-1] if mixed & 1 else window
        return cast(UInt8Array, cv2.add(lit, np.ascontiguousarray(window), dtype=cv2.CV_8U))


def draw_look(draw: Draw, seed: int) -> Look:
    """Return a look of the split's own light."""
    warm = draw.uniform(-0.08, 0.08)
    level = draw.uniform(0.86, 1.0)
    gain = (level * min(1.0, 1 + warm), level * 0.985, level * min(1.0, 1 - warm))
    side = -1.0 if draw.chance(0.5) else 1.0
    return Look(
        seed=seed,
        noise=draw.uniform(1.5, 6.0),
        flicker=draw.uniform(0.0, 0.035),
        flicker_hz=draw.uniform(0.1, 0.7),
        vignette=draw.uniform(0.05, 0.6),
        gain=gain,
        light_px=(side * draw.uniform(0.3, 0.8), -draw.uniform(0.3, 0.7)),
    )
