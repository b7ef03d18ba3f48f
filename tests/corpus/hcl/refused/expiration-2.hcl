path "a" { expiration = "2030-02-30T00:00:00Z" }
