path "a" { min_wrapping_ttl = "x" min_wrapping_ttl = 5 }
path "a" { min_wrapping_ttl = 5 min_wrapping_ttl = "0x10" }
path "a" { min_wrapping_ttl = 1.5 min_wrapping_ttl = 2 }
