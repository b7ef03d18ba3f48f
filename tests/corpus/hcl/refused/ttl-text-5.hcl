path "a" { min_wrapping_ttl = "s" }
