"""Write the OpenAPI document and the page that shows it: `python -m scripts.openapi`."""
