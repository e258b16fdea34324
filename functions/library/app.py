"""Library: images that a caller keeps, with the routes of the original's front-end."""

from image_studio.runtime import aws_clients, library
from image_studio.runtime.api import Response
from image_studio.runtime.rate_limits import RateClass
from image_studio.runtime.resolver import ApiResolver

ASSETS = "/api/content-assets"  # a path of its own, as the original has it

app = ApiResolver()
handler = app.handler
aws_clients.prepare()


@app.post("/save-to-library", counts_as=RateClass.READ)
def save() -> Response:
    """Keep an image in the library."""
    return library.save_image(app.call)


@app.get(ASSETS)
@app.get(f"{ASSETS}/")
def assets() -> Response:
    """List the library's assets by words, tags, dates and favorites."""
    return library.list_assets(app.call)


@app.post(ASSETS, counts_as=RateClass.READ)
@app.post(f"{ASSETS}/", counts_as=RateClass.READ)
def register() -> Response:
    """Keep an image in the library, with everything that is known of it."""
    return library.register(app.call)


@app.get(f"{ASSETS}/statistics")
def statistics() -> Response:
    """Say what the library holds, and how much it may hold."""
    return library.get_statistics(app.call)


@app.get(f"{ASSETS}/<asset_id>")
def asset(asset_id: str) -> Response:
    """Show an asset."""
    return library.get_asset(app.call, asset_id)


@app.put(f"{ASSETS}/<asset_id>", counts_as=RateClass.READ)
def update(asset_id: str) -> Response:
    """Change an asset's title, description, tags and metadata."""
    return library.update_asset(app.call, asset_id)


@app.delete(f"{ASSETS}/<asset_id>")
def delete(asset_id: str) -> Response:
    """Delete an asset and its files."""
    return library.delete_asset(app.call, asset_id)


@app.post(f"{ASSETS}/<asset_id>/favorite", counts_as=RateClass.READ)
def favorite(asset_id: str) -> Response:
    """Make an asset a favorite, or no longer."""
    return library.toggle_favorite(app.call, asset_id)


@app.post(f"{ASSETS}/<asset_id>/usage", counts_as=RateClass.READ)
def usage(asset_id: str) -> Response:
    """Count a download, a share or an access of an asset."""
    return library.track_usage(app.call, asset_id)
