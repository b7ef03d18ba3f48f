path "a" { capabilities = ["read"] min_wrapping_ttl = "1m" }
