"""Models: the libraries that train, the files that hold what they learned, and the registry that vouches for both.

A module here may import a training library only inside the function that trains or explains; reading and serving need
none of them.
"""
