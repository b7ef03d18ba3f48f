path 1a {}
