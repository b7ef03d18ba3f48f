path "a" { pagination_limit = +1 }
