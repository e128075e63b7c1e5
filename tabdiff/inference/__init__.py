"""From a trained denoiser to rows."""
