path a/b {}
