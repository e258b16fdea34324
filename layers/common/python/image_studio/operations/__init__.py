"""The operations of the API. Nothing is imported here: a catalog read must not import what paid operations need."""
