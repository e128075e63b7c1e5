"""What a fitted model knows, made visible: noise and its way back, likelihood, dependence."""
