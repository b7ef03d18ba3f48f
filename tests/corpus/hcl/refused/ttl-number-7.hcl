path "a" { min_wrapping_ttl = 9223372036854775807 }
