path "a" { min_wrapping_ttl = 010 max_wrapping_ttl = 0x1F }
path "a" { min_wrapping_ttl = -1 }
path "a" { min_wrapping_ttl = 1.5 }
path "a" { max_wrapping_ttl = 1e3 }
path "a" { max_wrapping_ttl = .5 }
path "a" { max_wrapping_ttl = 1.E-2 }
