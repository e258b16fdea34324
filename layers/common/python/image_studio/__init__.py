"""Image Studio: create, edit, upscale, control and resize images. docs/architecture.md describes the layers."""
