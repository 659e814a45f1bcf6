"""Reference values for fe_wavelet: PyWavelets and scikit-image on closes of SPY from the bundled sample.

Run: python tools/oracle/fe_wavelet.py   (writes tools/oracle/out/fe_wavelet.json)

Long vectors of coefficients c are kept as two projections, sum c(k) cos(k + 1) and sum c(k) sin(k + 1): small, and no error or change
of order stays hidden. SureShrink and the denoising by MODWT have no implementation in these packages: they are written here from their
definitions, on transforms of PyWavelets.
"""

import importlib.metadata
import json
import pathlib
import platform

import numpy as np
import pandas as pd
import pywt
import scipy
import skimage
from skimage.restoration import denoise_wavelet

from wavelet_filters import NAMES, refine

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = HERE.parent.parent / "sample"
MODES = ["symmetric", "reflect", "periodic", "periodization", "zero", "constant"]
# At the size of 1, so that an absolute tolerance means what it says.
SPY = pd.read_csv(SAMPLE / "etf23_close_2008_2016.csv.gz")["SPY"].dropna().to_numpy() / 100.0
MAD = scipy.stats.norm.ppf(0.75)


def project(c):
    k = np.arange(1, len(c) + 1)
    return [float(np.sum(c * np.cos(k))), float(np.sum(c * np.sin(k)))]


def single():
    """One level and back, for lengths that are shorter than the filter, odd and even."""
    for n in [1, 2, 7, 33, 64, 2141]:
        for name in NAMES:
            for mode in MODES:
                if n == 1 and mode == "reflect":
                    continue
                a, d = pywt.dwt(SPY[:n], name, mode)
                back = pywt.idwt(a, d, name, mode)
                assert np.abs(back[:n] - SPY[:n]).max() < 1e-10
                yield {"n": n, "wavelet": name, "mode": mode, "len": [len(a), len(back)], "c": project(a) + project(d)}


def exact():
    """Symlets again, with filters that solve their equations in the place of PyWavelets' tables of twelve digits."""
    for name in [n for n in NAMES if n.startswith("sym")]:
        h = refine(name)
        g = [(-1) ** k * x for k, x in enumerate(reversed(h))]
        w = pywt.Wavelet(name + " exact", filter_bank=(h[::-1], g[::-1], h, g))
        for mode in MODES:
            a, d = pywt.dwt(SPY[:64], w, mode)
            yield {"n": 64, "wavelet": name, "mode": mode, "c": project(a) + project(d)}


def several():
    for n in [500, 2141]:
        for name in ["haar", "db4", "db10", "sym6", "coif2"]:
            for mode in MODES:
                levels = pywt.dwt_max_level(n, name)
                parts = pywt.wavedec(SPY[:n], name, mode, levels)
                yield {
                    "n": n,
                    "wavelet": name,
                    "mode": mode,
                    "levels": levels,
                    "lens": [len(p) for p in parts],
                    "c": [project(p) for p in parts],
                    # Not the series back: the coefficients are changed before.
                    "halved": project(pywt.waverec([parts[0]] + [0.5 * p for p in parts[1:]], name, mode)[:n]),
                }


def modwt(x, name, levels):
    """The MODWT of Percival & Walden from `pywt.swt` of the reversed series."""
    n, half = len(x), pywt.Wavelet(name).dec_len // 2
    parts = pywt.swt(x[::-1], name, level=levels, norm=True)[::-1]
    at = lambda j: (n - 1 - np.arange(n) + (2**j - 1) * (half - 1)) % n
    details = [parts[j - 1][1][at(j)] for j in range(1, levels + 1)]
    return parts[-1][0][at(levels)], details


def imodwt(scaling, details, name):
    """From the definition: the transpose."""
    w = pywt.Wavelet(name)
    for j in reversed(range(len(details))):
        h, g = np.array(w.rec_lo) / np.sqrt(2), np.array(w.rec_hi) / np.sqrt(2)
        scaling = sum(
            h[k] * np.roll(scaling, -k * 2**j) + g[k] * np.roll(details[j], -k * 2**j) for k in range(w.dec_len)
        )
    return scaling


def overlaps():
    for name, n, levels in [("haar", 64, 4), ("db2", 96, 3), ("db4", 128, 4), ("sym8", 256, 3), ("coif3", 512, 5)]:
        scaling, details = modwt(SPY[:n], name, levels)
        assert np.abs(imodwt(scaling, details, name) - SPY[:n]).max() < 1e-10
        yield {
            "n": n,
            "wavelet": name,
            "levels": levels,
            "scaling": project(scaling),
            "details": [project(d) for d in details],
            "first": float(scaling[0]),
        }


def sure_threshold(d, sigma):
    """WaveLab's HybridThresh and ValSUREThresh."""
    x, n = d / sigma, len(d)
    magic = np.sqrt(2 * np.log(n))
    if np.mean(x**2) - 1 < np.log2(n) ** 1.5 / np.sqrt(n):
        return sigma * magic
    a = np.sort(np.abs(x)) ** 2
    risk = (n - 2 * np.arange(1, n + 1) + np.cumsum(a) + np.arange(n - 1, -1, -1) * a) / n
    return sigma * min(np.sqrt(a[np.argmin(risk)]), magic)


def denoise(x, s):
    """A window denoised, by PyWavelets and the definitions of the thresholds."""
    n, levels = len(x), s["levels"]
    decimated = s["transform"] == "dwt"
    if decimated:
        parts = pywt.wavedec(x, s["wavelet"], s["mode"], levels)
        low, details = parts[0], parts[:0:-1]
    else:
        series = np.concatenate([x, x[::-1]]) if s["mode"] == "symmetric" else x
        low, details = modwt(series, s["wavelet"], levels)
        details = [d * 2 ** ((j + 1) / 2) for j, d in enumerate(details)]
    sigma = first = np.median(np.abs(details[0])) / MAD
    energy = [float(np.sum(d**2)) * (1 if decimated else 2.0 ** -(j + 1)) for j, d in enumerate(details)]
    shrunk = []
    for d in details:
        if s["noise"] == "each_level":
            sigma = np.median(np.abs(d)) / MAD
        if s["rule"] == "universal":
            t = sigma * np.sqrt(2 * np.log(n))
        elif s["rule"] == "sure":
            t = sure_threshold(d, sigma)
        else:
            v = np.mean(d**2) - sigma**2
            t = sigma**2 / np.sqrt(v) if v > 0 else 1e300
        shrunk.append(pywt.threshold(d, t, s["shrink"]))
    if decimated:
        out = pywt.waverec([low] + shrunk[::-1], s["wavelet"], s["mode"])[:n]
    else:
        out = imodwt(low, [d * 2 ** (-(j + 1) / 2) for j, d in enumerate(shrunk)], s["wavelet"])[:n]
    return out, float(first), energy[0] / sum(energy)


def specs():
    for k, wavelet in enumerate(["haar", "db4", "sym4", "sym6", "coif1"]):
        for rule in ["universal", "sure", "bayes"]:
            for shrink in ["soft", "hard"]:
                mode = MODES[(k + len(rule)) % len(MODES)]
                noise = ["finest", "each_level"][(k + len(shrink) + len(rule)) % 2]
                s = {"wavelet": wavelet, "rule": rule, "shrink": shrink, "noise": noise}
                yield {**s, "transform": "dwt", "mode": mode, "levels": 3}
                yield {**s, "transform": "modwt", "mode": ["symmetric", "periodic"][k % 2], "levels": 2 + k % 2}


def trailing():
    for s in specs():
        window = 128 if s["transform"] == "modwt" else [128, 101][len(s["rule"]) % 2]
        ends = list(range(window, 2000, 331))
        rows = []
        for end in ends:
            out, noise, finest = denoise(SPY[end - window : end], s)
            rows.append([float(out[-1]), noise, finest])
        yield {"spec": s, "window": window, "ends": ends, "rows": rows}


def whole():
    """scikit-image itself, on closes with something like noise, so that no coefficient is exactly zero: it leaves those out of the median."""
    x = SPY[:1000] + 0.02 * np.sin(np.arange(1000.0) ** 2)
    for wavelet in ["haar", "db4", "sym5", "coif2"]:
        for method, rule in [("VisuShrink", "universal"), ("BayesShrink", "bayes")]:
            for shrink in ["soft", "hard"]:
                out = denoise_wavelet(x, wavelet=wavelet, mode=shrink, wavelet_levels=4, method=method)
                s = {"wavelet": wavelet, "rule": rule, "shrink": shrink, "noise": "finest"}
                s = {**s, "transform": "dwt", "mode": "symmetric", "levels": 4}
                assert np.abs(denoise(x, s)[0] - out).max() < 1e-12, s
                yield {"spec": s, "every_37th": out[::37].tolist()}


out = {
    "generated_with": {
        "python": platform.python_version(),
        # The distribution; the module of 1.9.0 calls itself 1.8.0.
        "PyWavelets": importlib.metadata.version("PyWavelets"),
        "pywt": pywt.__version__,
        "scikit-image": skimage.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pandas": pd.__version__,
    },
    "filters": {name: pywt.Wavelet(name).rec_lo for name in NAMES},
    "high_pass": {name: pywt.Wavelet(name).rec_hi for name in ["db3", "sym4", "coif1"]},
    "max_level": [[n, w, pywt.dwt_max_level(n, w)] for n in [1, 6, 7, 8, 55, 56, 63, 64, 1000, 2141] for w in NAMES[::3]],
    "dwt": list(single()),
    "exact": list(exact()),
    "wavedec": list(several()),
    "modwt": list(overlaps()),
    "trailing": list(trailing()),
    "whole": list(whole()),
}
path = HERE / "out" / "fe_wavelet.json"
path.write_text(json.dumps(out) + "\n")
print(path.name, path.stat().st_size, "bytes", {k: len(v) for k, v in out.items()})
