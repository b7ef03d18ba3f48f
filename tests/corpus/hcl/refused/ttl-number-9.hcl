path "a" { min_wrapping_ttl = true }
