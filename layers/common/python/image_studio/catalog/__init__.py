"""Templates, platforms, styles, presets and operations: JSON files in `data/`, their models, and what loads them."""
