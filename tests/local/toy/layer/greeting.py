"""What the toy functions share."""

WORD = "from the layer"
