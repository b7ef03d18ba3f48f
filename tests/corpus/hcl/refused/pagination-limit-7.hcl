path "a" { pagination_limit = "08" }
