path "a" { expiration = "2020-01-01T00:00:00Z" capabilities = ["nope"] }
