path "a" { min_wrapping_ttl = 5 max_wrapping_ttl = 0 }
