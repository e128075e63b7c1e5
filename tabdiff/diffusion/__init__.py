"""The mathematics of noising and denoising; no network, no pandas."""
