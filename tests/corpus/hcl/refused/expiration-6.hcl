path "a" { expiration = 1.5 }
