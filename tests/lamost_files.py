"""Small surveys of LAMOST files for the tests of ingest."""

from pathlib import Path

import h5py
import numpy as np
from astropy.io import fits

LOG_START, LOG_STEP = 3.8, 1e-4  # 6310 Å, LAMOST's step


def write_spectrum(path: Path, seed: int = 0, n: int = 400, **cards: object) -> Path:
    """Write a short LAMOST spectrum of DR1's layout, from 6310 Å on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.zeros((5, n), dtype=np.float32)
    image[0] = np.random.default_rng(seed).normal(1000, 30, n)
    image[1] = 1
    hdu = fits.PrimaryHDU(image)
    hdu.header["TELESCOP"] = "LAMOST"
    hdu.header["COEFF0"], hdu.header["COEFF1"] = LOG_START, LOG_STEP
    hdu.header.update(cards)
    hdu.writeto(path)
    return path


def write_folder(folder: Path, n: int) -> Path:
    for i in range(n):
        write_spectrum(folder / f"spec-{i:04d}.fits", seed=i)
    return folder


def write_survey(folder: Path) -> Path:
    """Write 300 spectra, some of them bad or with an identifier that is taken."""
    write_folder(folder, 290)
    for i in range(5):
        (folder / f"spec-0{i}50-bad.fits").touch()
        write_spectrum(folder / "z" / f"spec-00{i}0.fits", seed=1000 + i)
    return folder


def contents(path: Path) -> dict[str, str]:
    """Give all that a pool holds, to be compared bit for bit."""
    with h5py.File(path) as file:
        return {
            f"{g}/{name}": f"{file[g][name].dtype} {file[g][name][:].tolist()!r}"
            for g in file
            for name in file[g]
        }


def parts_of(out: Path) -> list[Path]:
    return sorted(out.with_name(f"{out.name}.partial").glob("part-*.h5"))


def spoil_what_is_done(out: Path) -> int:
    """Make every source in the parts unreadable, so that reading it again could not go unseen."""
    n = 0
    for path in parts_of(out):
        with h5py.File(path) as part:
            for source in part["pool/source"].asstr():
                Path(source).write_bytes(b"spoilt")
                n += 1
    return n
