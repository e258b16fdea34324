"""The edge: everything that knows Lambda, HTTP and AWS. It wires, translates and never decides."""
