path "a" { expiration = ["x"] }
