"""The laboratory: bias and variance of every estimator, exactly, against the gradient it is meant to estimate."""
