"""Photos good and bad, all made from real bytes, through the decoder."""

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from catalog.errors import PhotoError
from catalog.photos.decode import (
    PhotoLimits,
    decode_crop,
    decode_photo,
    encode_crop,
    encode_heat,
    encode_variant,
    inspect_photo,
)

LIMITS = PhotoLimits(max_bytes=2**20, max_pixels=1_000_000)
RED, GREEN, BLUE = (220, 20, 20), (20, 200, 20), (20, 20, 220)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def corners() -> Image.Image:
    """60 x 40: red at the top left, green at the top right, blue below."""
    image = Image.new("RGB", (60, 40), BLUE)
    image.paste(RED, (0, 0, 30, 20))
    image.paste(GREEN, (30, 0, 60, 20))
    return image


def noise(side: int = 200) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 255, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int, depth: int, colour: int, rows: bytes, *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(more) + chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def refused(data: bytes, limits: PhotoLimits = LIMITS) -> str:
    """The reason for which every way into the decoder refuses these bytes."""
    ways: list[Callable[[], object]] = [
        lambda: inspect_photo(data, limits),
        lambda: decode_photo(data, limits),
        lambda: encode_variant(data, 320, limits),
    ]
    reasons = set()
    for way in ways:
        with pytest.raises(PhotoError) as caught:
            way()
        reasons.add(caught.value.reason)
    (reason,) = reasons
    return reason


def near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() < 40)


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")],
)
def test_good_photos_are_recognised_and_decoded(kind: str, media_type: str) -> None:
    data = encoded(corners(), kind)
    info = inspect_photo(data, LIMITS)
    assert (info.width, info.height, info.media_type) == (60, 40, media_type)
    pixels = decode_photo(data, LIMITS)
    assert (pixels.shape, pixels.dtype) == ((40, 60, 3), np.uint8)
    assert near(pixels[5, 5], RED)
    assert near(pixels[5, 55], GREEN)
    assert near(pixels[35, 30], BLUE)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_stand_upright_after_every_exif_rotation(orientation: int) -> None:
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = corners() if undo is None else corners().transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, "JPEG", exif=exif, quality=95)
    info = inspect_photo(data, LIMITS)
    assert (info.width, info.height) == (60, 40)
    for pixels in (decode_photo(data, LIMITS), decode_crop(encode_variant(data, 60, LIMITS))):
        assert pixels.shape == (40, 60, 3)
        assert near(pixels[5, 5], RED)
        assert near(pixels[5, 55], GREEN)
        assert near(pixels[35, 30], BLUE)


def test_a_decompression_bomb_is_refused_before_it_takes_memory() -> None:
    side = 30_000
    bomb = png_of(side, side, 8, 0, b"\x00" * (side * 1000))
    assert len(bomb) < 2**20
    tracemalloc.start()
    assert refused(bomb, PhotoLimits(2**20, 40_000_000)) == "too_many_pixels"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * 2**20


def test_a_photo_just_over_the_pixel_limit_is_refused() -> None:
    data = encoded(Image.new("L", (1001, 1000)), "PNG")
    assert refused(data) == "too_many_pixels"
    assert inspect_photo(encoded(Image.new("L", (1000, 1000)), "PNG"), LIMITS).width == 1000


def test_more_bytes_than_allowed_are_refused() -> None:
    data = encoded(noise(), "PNG")
    assert refused(data, PhotoLimits(len(data) - 1, 10**6)) == "too_many_bytes"
    assert inspect_photo(data, PhotoLimits(len(data), 10**6)).width == 200


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_truncated_photos_are_refused_wherever_they_end(kind: str, share: float) -> None:
    data = encoded(noise(), kind)
    assert refused(data[: int(len(data) * share)]) == "truncated"


def test_a_progressive_jpeg_that_stops_halfway_is_refused() -> None:
    data = encoded(noise(), "JPEG", progressive=True)
    assert refused(data[: len(data) // 2]) == "truncated"


def test_a_png_with_damaged_pixels_is_refused() -> None:
    data = bytearray(encoded(noise(), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert refused(bytes(data)) == "truncated"


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_animations_are_refused(kind: str) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, GREEN, BLUE)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
    assert refused(data) == "animated"


def test_gif_bmp_tiff_and_avif_are_unsupported_formats() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, GREEN)]
    assert refused(encoded(frames[0], "GIF")) == "unsupported_format"
    moving = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert refused(moving) == "unsupported_format"
    assert refused(encoded(corners(), "BMP")) == "unsupported_format"
    assert refused(encoded(corners(), "TIFF")) == "unsupported_format"
    assert refused(b"\x00\x00\x00\x20ftypavif" + bytes(100)) == "unsupported_format"


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"hello", b"<html></html>", bytes(1000)], ids=range(5)
)
def test_what_is_no_photo_at_all_is_called_that(data: bytes) -> None:
    assert refused(data) == "not_a_photo"


def test_an_eps_file_that_hides_a_program_is_never_run() -> None:
    assert refused(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n") == "not_a_photo"


def test_cmyk_jpegs_show_the_colours_they_mean() -> None:
    pixels = decode_photo(encoded(corners().convert("CMYK"), "JPEG", quality=95), LIMITS)
    assert near(pixels[5, 5], RED)
    assert near(pixels[35, 30], BLUE)


def test_sixteen_bit_greys_keep_their_tones() -> None:
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16)
    data = encoded(Image.fromarray(np.tile(ramp, (8, 1))), "PNG")
    row = decode_photo(data, LIMITS)[0, :, 0].astype(int)
    assert np.abs(row - (ramp >> 8)).max() <= 1


def test_sixteen_bit_colours_keep_their_tones() -> None:
    values = np.array([[60000, 30000, 2000]], dtype=">u2").repeat(4, axis=0)
    rows = b"".join(b"\x00" + values.tobytes() for _ in range(4))
    pixels = decode_photo(png_of(4, 4, 16, 2, rows), LIMITS)
    assert np.abs(pixels[0, 0].astype(int) - [60000 >> 8, 30000 >> 8, 2000 >> 8]).max() <= 1


def test_transparency_becomes_white() -> None:
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, 10, 20))
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        pixels = decode_photo(encoded(image, kind, **options), LIMITS)
        assert near(pixels[10, 15], (255, 255, 255))
        assert near(pixels[10, 5], RED)


def test_palettes_with_and_without_transparency_are_decoded() -> None:
    palette = corners().quantize(8)
    assert near(decode_photo(encoded(palette, "PNG"), LIMITS)[5, 5], RED)
    transparent = palette.getpixel((5, 5))
    pixels = decode_photo(encoded(palette, "PNG", transparency=transparent), LIMITS)
    assert near(pixels[5, 5], (255, 255, 255))
    assert near(pixels[35, 30], BLUE)


def test_bilevel_and_grey_with_alpha_are_decoded() -> None:
    assert decode_photo(encoded(Image.new("1", (8, 8), 1), "PNG"), LIMITS).min() == 255
    grey = Image.new("LA", (8, 8), (0, 0))
    assert decode_photo(encoded(grey, "PNG"), LIMITS).min() == 255


def test_a_phone_photo_with_a_second_image_is_a_still() -> None:
    data = encoded(corners(), "MPO", save_all=True, append_images=[noise(60)])
    info = inspect_photo(data, LIMITS)
    assert (info.width, info.media_type) == (60, "image/jpeg")
    assert near(decode_photo(data, LIMITS)[5, 5], RED)


def test_variants_are_small_webp_without_metadata() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 0.0)}
    data = encoded(noise(500), "JPEG", exif=exif, icc_profile=b"profile", comment=b"private")
    variant = encode_variant(data, 320, LIMITS)
    image = Image.open(io.BytesIO(variant))
    assert (image.format, image.size) == ("WEBP", (320, 320))
    assert not image.getexif()
    assert not {"exif", "icc_profile", "xmp", "comment"} & image.info.keys()


def test_variants_never_grow_and_keep_the_shape() -> None:
    image = Image.open(io.BytesIO(encode_variant(encoded(corners(), "PNG"), 320, LIMITS)))
    assert image.size == (60, 40)
    image = Image.open(io.BytesIO(encode_variant(encoded(corners(), "PNG"), 30, LIMITS)))
    assert image.size == (30, 20)


def test_broken_exif_does_not_cost_the_photo() -> None:
    data = encoded(corners(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert decode_photo(data, LIMITS).shape == (40, 60, 3)


def test_crops_come_back_nearly_as_they_went() -> None:
    crop = np.array(corners())
    again = decode_crop(encode_crop(crop))
    assert again.shape == crop.shape
    assert np.abs(again.astype(int) - crop).mean() < 4


def test_a_text_chunk_that_unpacks_without_end_is_refused() -> None:
    text = chunk(b"zTXt", b"a\x00\x00" + zlib.compress(bytes(200 * 2**20), 9))
    data = png_of(1, 1, 8, 0, b"\x00\x00", text)
    with pytest.raises(PhotoError):
        inspect_photo(data, LIMITS)


def test_heat_becomes_a_small_grey_picture_white_where_it_is_most() -> None:
    heat = np.zeros((300, 200))
    heat[:150] = 1
    picture = Image.open(io.BytesIO(encode_heat(heat, 60)))
    assert (picture.format, picture.size) == ("WEBP", (40, 60))
    grey = np.asarray(picture)
    assert grey[:25].min() > 240
    assert grey[35:].max() < 15
    assert np.ptp(grey.astype(int), axis=2).max() <= 3
