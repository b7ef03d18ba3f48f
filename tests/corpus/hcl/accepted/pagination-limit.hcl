path "a" { pagination_limit = 1 }
path "a" { pagination_limit = -1 }
path "a" { pagination_limit = "5" }
path "a" { pagination_limit = "0x10" }
path "a" { pagination_limit = "1_000" }
path "a" { pagination_limit = "0b11" }
path "a" { pagination_limit = "0o17" }
path "a" { pagination_limit = "+5" }
