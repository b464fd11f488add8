"""Take the pictures of the report that the README shows, with a headless Chromium.

Run it from the project's folder after a run of the samples: `python docs/report_pictures.py`.
"""

import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
RESULTS = Path("results").resolve()
# What to open, how wide and high, light or dark, and the part to take (all that is seen if None).
PICTURES = {
    "report.png": ("customers/report.html", 1280, 800, "light", None),
    "report_leak.png": ("users/report.html", 1280, 660, "dark", None),
    "report_curves.png": ("breast_cancer/report.html", 1280, 1100, "light", "#curves .grid"),
    "report_phone.png": ("customers/report.html", 390, 800, "dark", None),
    "rules.png": ("customers/report.html", 1280, 800, "light", "#made .graph"),
}


def main() -> None:
    """Take all pictures."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (page_name, width, height, scheme, part) in PICTURES.items():
            size = {"width": width, "height": height}
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.goto((RESULTS / page_name).as_uri())
            target = page.locator(part).first if part else page
            target.screenshot(path=HERE / name)
            # A page has few colours: with 128 of them the picture is a third of the size.
            picture = Image.open(HERE / name).convert("RGB").quantize(128)
            picture.save(HERE / name, optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
