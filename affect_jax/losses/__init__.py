"""Pure loss functions: per-example values or one masked scalar; none knows of a model or a trainer."""
