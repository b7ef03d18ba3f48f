path "a" { min_wrapping_ttl = 60 max_wrapping_ttl = "1m" }
