"""Image Studio: create, edit, upscale, control and resize images.

The tree is the architecture; arrows point down:

    runtime      the edge: everything that knows Lambda, HTTP and AWS wiring
    operations   pure but for the journal: (request, context) -> response
    providers    one file per AI provider, spec on top; one shared module that sends
    imaging      Pillow: an image in, a new image out
    catalog      templates, platforms, styles: JSON, read lazily
    storage      DynamoDB records and S3 objects
    schemas      the API contract; requests are the operations' arguments
    errors       the one tree of errors
"""
