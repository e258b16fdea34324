"""The whole stack on localhost, for work and for the tests; never deployed.

`python -m local` runs it. It reads template.yaml and keeps no list of its own.
"""
