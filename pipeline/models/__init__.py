"""Models: what a directory holds (`card`), how it is built (`build`), and the pure function that serves it (`worker`).

`card`, `numerics` and `requests` never import torch; a process that only decodes stops there.
"""
