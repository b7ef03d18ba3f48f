path "a" { min_wrapping_ttl = 5 min_wrapping_ttl = "1m" }
