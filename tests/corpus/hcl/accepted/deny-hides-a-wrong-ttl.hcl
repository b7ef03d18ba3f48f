path "a" { capabilities = ["deny"] min_wrapping_ttl = "x" max_wrapping_ttl = [] }
