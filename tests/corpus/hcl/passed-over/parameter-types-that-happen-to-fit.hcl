path "a" { allowed_parameters { a = [{ b = "x", b = 1 }] } }
