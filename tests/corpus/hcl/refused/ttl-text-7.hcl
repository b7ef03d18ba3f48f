path "a" { min_wrapping_ttl = "9999999999h" }
