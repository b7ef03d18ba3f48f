path "a" { expiration = "2030-01-01T24:00:00Z" }
