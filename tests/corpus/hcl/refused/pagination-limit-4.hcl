path "a" { pagination_limit = true }
