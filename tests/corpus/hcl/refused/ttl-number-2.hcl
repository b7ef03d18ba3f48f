path "a" { min_wrapping_ttl = 0x }
