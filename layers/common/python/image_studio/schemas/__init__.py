"""The API contract: a pydantic request is the operation's argument; nothing is declared a second time."""
