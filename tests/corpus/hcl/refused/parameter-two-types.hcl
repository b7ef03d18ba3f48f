path "a" { allowed_parameters { a = [{ b = 1, b = "x" }] } }
