path "a" { expiration = "2030-01-01T00:00:00+25:00" }
