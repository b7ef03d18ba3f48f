path "a" { expiration = "2030-01-01t00:00:00z" }
