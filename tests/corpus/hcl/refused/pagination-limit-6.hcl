path "a" { pagination_limit = {} }
