path "a" { expiration = "2030-01-01" }
