path "a" { allowed_parameters { a = [1e999] } }
