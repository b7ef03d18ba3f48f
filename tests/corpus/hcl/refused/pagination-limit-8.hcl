path "a" { pagination_limit = " 5" }
