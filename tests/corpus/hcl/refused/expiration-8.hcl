path "a" { expiration = "x" }
