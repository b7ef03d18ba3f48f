path "a" { allowed_parameters { a = [99999999999999999999] } }
