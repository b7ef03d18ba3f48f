path "a" = {}
