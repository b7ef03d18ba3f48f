path "a" { min_wrapping_ttl = 99999999999999999999 }
