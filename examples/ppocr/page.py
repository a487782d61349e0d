"""Draws the page that the detector reads: a printed sheet, lying a little askew on a table."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 960, 736  # multiples of 32, as the detector wants them
TABLE = (74, 82, 84)
PAPER = (250, 247, 238)
INK = (38, 40, 46)
GREEN = (86, 112, 52)
FONTS = "/usr/share/fonts/truetype/dejavu"


def font(name, size):
    try:
        return ImageFont.truetype(f"{FONTS}/{name}.ttf", size)
    except OSError:
        return ImageFont.load_default(size)


def draw_sheet(width, height):
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, 0, width, 14), fill=GREEN)
    draw.text((48, 44), "FIELD NOTES", font=font("DejaVuSans-Bold", 42), fill=GREEN)
    draw.text((50, 100), "Peridot Beach, low tide", font=font("DejaVuSerif", 24), fill=INK)
    draw.text((width - 172, 62), "No. 1291", font=font("DejaVuSansMono", 22), fill=INK)
    draw.line((48, 142, width - 48, 142), fill=GREEN, width=2)

    body = font("DejaVuSerif", 21)
    lines = [
        "Olivine weathers out of the basalt cliffs and the",
        "waves sort it: heavy grains stay, light ones leave.",
        "A hand lens shows clear, bottle-green crystals.",
    ]
    for number, line in enumerate(lines):
        draw.text((48, 162 + 34 * number), line, font=body, fill=INK)

    mono = font("DejaVuSansMono", 19)
    rows = [("sample", "mass", "density"), ("A-07", "12.4 g", "3.32"), ("A-11", "9.8 g", "3.27"), ("B-02", "15.1 g", "3.41")]
    for number, row in enumerate(rows):
        top = 290 + 38 * number
        if number % 2 == 0:
            draw.rectangle((48, top - 6, width - 300, top + 30), fill=(238, 240, 226))
        for column, cell in zip((60, 200, 330), row):
            draw.text((column, top), cell, font=mono, fill=GREEN if number == 0 else INK)

    draw.rounded_rectangle((width - 262, 290, width - 52, 436), 12, outline=(176, 60, 48), width=4)
    draw.text((width - 235, 312), "RETURN TO", font=font("DejaVuSans-Bold", 26), fill=(176, 60, 48))
    draw.text((width - 222, 352), "the sea", font=font("DejaVuSerif-Bold", 30), fill=(176, 60, 48))
    draw.text((width - 226, 396), "by nightfall", font=font("DejaVuSans", 22), fill=(176, 60, 48))

    draw.text((48, 470), "Half the precision, the same sand.", font=font("DejaVuSerif-Bold", 27), fill=INK)
    draw.text((48, 522), "page 16 of 32", font=font("DejaVuSans", 16), fill=(120, 120, 116))
    draw.text((width - 262, 522), "measured by daylight", font=font("DejaVuSans", 16), fill=(120, 120, 116))
    return sheet


def draw_page(seed=0):
    """The picture as an RGB image of WIDTH x HEIGHT."""
    sheet = draw_sheet(780, 566)
    mask = Image.new("L", sheet.size, 255)
    turned = sheet.rotate(3.2, Image.Resampling.BICUBIC, expand=True)
    turned_mask = mask.rotate(3.2, Image.Resampling.BICUBIC, expand=True)
    place = ((WIDTH - turned.width) // 2, (HEIGHT - turned.height) // 2)

    page = Image.new("RGB", (WIDTH, HEIGHT), TABLE)
    shadow = Image.new("L", page.size, 0)
    shadow.paste(turned_mask.point(lambda value: value * 130 // 255), (place[0] + 10, place[1] + 14))
    page.paste((18, 20, 22), mask=shadow.filter(ImageFilter.GaussianBlur(12)))
    page.paste(turned, place, turned_mask)

    # Daylight from the upper left, and the grain of a sensor.
    slope = np.add.outer(np.linspace(1.06, 0.92, HEIGHT), np.linspace(0.03, -0.05, WIDTH))
    noise = np.random.default_rng(seed).normal(0, 3, (HEIGHT, WIDTH, 1))
    lit = np.asarray(page.filter(ImageFilter.GaussianBlur(0.5)), np.float32) * slope[..., None] + noise
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))


def as_input(page):
    """float32 [1, 3, height, width] in [-1, 1], the colours in the order blue, green, red, as the detector was trained."""
    pixels = np.asarray(page, np.float32)[:, :, ::-1] / 127.5 - 1
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
