"""From encoded rows and an untrained denoiser to a trained one."""
